"""Runs a notebook with the kernel that JUPYTER_PATH names, and writes it with what its cells showed.

python3 run_notebook.py IN.ipynb OUT.ipynb
"""

import os
import sys

import nbformat
from nbclient import NotebookClient

source, target = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
client = NotebookClient(
    notebook,
    kernel_name="deno",
    timeout=300,
    record_timing=False,
    resources={"metadata": {"path": os.path.dirname(os.path.abspath(source))}},
)
client.execute()
nbformat.write(notebook, target)
