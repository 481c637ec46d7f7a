"""Maps of tissue learned from MRI: tiles, a bagged forest, folds that keep subjects apart, spherical regions."""
