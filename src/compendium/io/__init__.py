"""Files: reading what is handed in or fetched, with errors that name the place."""
