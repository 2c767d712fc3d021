"""Converts TensorFlow networks to ONNX with numpy and onnx alone: read, translate, optimise."""
