"""ClipExampleGen: annotated clips to SequenceExamples."""
