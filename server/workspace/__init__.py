"""The workspace: the server as a company of people, and what its owner, admins and members do to it.

`policy.py` says who may do what, `acting.py` is how it is done: one transaction that looks at the rights, changes and
records. Every other module is a set of functions on such an `Acting`.
"""
