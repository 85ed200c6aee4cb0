"""Who answers: local engines in processes of their own, hosted endpoints, replays and fakes, all behind one protocol.

``Isolated`` (isolated.py) speaks over a pipe (frames.py) with ``worker.py``, which runs one *engine*
(engine.py): ``llama_cpp.py``, ``onnx.py``. Whatever goes wrong becomes a ``TargetError`` with a failure kind.
"""
