"""What happened, kept to be read later: the audit record (audit.py), and reports as rows (reports.py)."""
