"""Holds an RO-Crate against the profiles of roc-validator, offline; prints one JSON object.

Run with roc-validator in an environment of its own (it needs older versions than the project's lock):

    uv run --isolated --no-project --with roc-validator==0.13.0 python ro_crate.py CRATE.zip CONTEXT.jsonld PROFILE…

CONTEXT is the JSON-LD context of RO-Crate 1.3 as the package `rocrate` carries it, served here in place of the network.
"""

import json
import sys
import tempfile
import zipfile

from rdflib.plugins.shared.jsonld import context as jsonld_context
from rocrate_validator import models, services
from rocrate_validator.utils import http

crate, context_file, *profiles = sys.argv[1:]
CONTEXT = "https://w3id.org/ro/crate/1.3/context"
with open(context_file, encoding="utf-8") as handle:
    CONTENT = json.load(handle)


class Answer:
    """The one document that may be asked for, or none."""

    def __init__(self, found):
        self.status_code = 200 if found else 404
        self.headers = {"Content-Type": "application/ld+json"}
        self.text = json.dumps(CONTENT)

    def json(self):
        """Return the context."""
        return CONTENT


http.HttpRequester.get = lambda self, uri, **_: Answer(uri == CONTEXT)
http.HttpRequester.head = lambda self, uri, **_: Answer(False)
read_source = jsonld_context.source_to_json
jsonld_context.source_to_json = lambda source, *a, **k: (
    (CONTENT, None) if source == CONTEXT else read_source(source, *a, **k)
)

report = {}
with tempfile.TemporaryDirectory() as folder:
    zipfile.ZipFile(crate).extractall(folder)
    for profile in profiles:
        settings = services.ValidationSettings(
            rocrate_uri=folder,
            profile_identifier=profile,
            requirement_severity=models.Severity.RECOMMENDED,
            enable_profile_inheritance=False,
            offline=True,
        )
        result = services.validate(settings)
        report[profile] = sorted({f"{i.severity.name}: {i.message}" for i in result.get_issues()})
print(json.dumps(report, indent=1))
