"""QuecPython."""
