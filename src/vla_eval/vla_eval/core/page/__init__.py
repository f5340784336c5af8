"""The sections of report.html, one file each, and what they are written with."""
