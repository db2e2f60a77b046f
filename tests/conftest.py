"""That this file is here lets every test import `scenarios`."""
