"""Endings of files by what the files are, as lock rules name them."""

from __future__ import annotations


def _endings(text: str) -> frozenset[str]:
    return frozenset(text.split())


WEIGHTS = _endings(
    "safetensors pt pth ckpt bin onnx gguf ggml h5 hdf5 keras pb tflite mlmodel mar engine joblib pkl pickle model "
    "msgpack orbax"
)
DATASETS = _endings("npy npz parquet arrow feather orc avro tfrecord tfrecords lmdb mdb db sqlite mat rds lance")
TABLES = _endings("csv tsv jsonl ndjson")
ARCHIVES = _endings("zip tar gz tgz bz2 xz zst 7z rar jar whl")
MEDIA = _endings("png jpg jpeg gif bmp tif tiff webp ico psd exr hdr dds tga wav mp3 flac ogg m4a mp4 mov avi mkv webm")
DOCUMENTS = _endings("pdf doc docx xls xlsx ppt pptx odt ods odp")
PROGRAMS = _endings("so dll dylib exe o a lib pyc class wasm")

KINDS = {
    "weights": WEIGHTS,
    "datasets": DATASETS,
    "tables": TABLES,
    "archives": ARCHIVES,
    "media": MEDIA,
    "documents": DOCUMENTS,
    "programs": PROGRAMS,
}
"""What a rule may call them."""

TOKENIZERS = (
    "tokenizer*.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.tiktoken",
    "spiece.model",
    "sentencepiece*.model",
    "special_tokens_map.json",
    "added_tokens.json",
)
"""Globs of the files that a tokenizer consists of, whatever wrote it."""
