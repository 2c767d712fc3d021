"""Turns networks published for TensorFlow into ONNX, with numpy and onnx alone: read, translate, tidy."""
