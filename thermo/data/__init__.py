"""Data sets: embedded, from a folder of files, or fetched with a checksum."""

from thermo.data.dataset import DataError, Dataset
from thermo.data.loaders import NAMES, load_dataset
from thermo.data.sources import SOURCES, checksum_ok, data_folders, fetch, find_file

__all__ = [
    "NAMES",
    "SOURCES",
    "DataError",
    "Dataset",
    "checksum_ok",
    "data_folders",
    "fetch",
    "find_file",
    "load_dataset",
]
