"""The contract at run time: which parameters there are, their defaults, and the checks."""
