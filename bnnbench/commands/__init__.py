"""What the command line can do: `steps` of the workflow, questions to `results`, and `new` parts."""
