"""Networks in ONNX files that several stages run."""
