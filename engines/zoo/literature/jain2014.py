from engines.spec import ModelSpec

SPECS: tuple[ModelSpec, ...] = ()
