"""What each kind of handed-in table must hold, declared once: columns, rules across rows, and an example.

A module per field; each lists its tables in `SCHEMAS`.
"""

from compendium.run.schemas import cells, clinical, fusion, lesions, phenotype, tissue, tumours, voxels
from compendium.run.schemas.schema import Schema

__all__ = ["SCHEMAS", "Schema"]

_MODULES = (clinical, tissue, cells, phenotype, lesions, tumours, voxels, fusion)
SCHEMAS: dict[str, Schema] = {schema.name: schema for module in _MODULES for schema in module.SCHEMAS}
