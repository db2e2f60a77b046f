"""From stored predictions to tidy tables, and what is read from these.

What is imported from here knows the metrics of tasks' own files too.
"""

from bnnbench import tasks

tasks.load()
