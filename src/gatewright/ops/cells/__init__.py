"""The list of all cells. The section "Add a cell" in ARCHITECTURE.md describes how to add one."""

from gatewright.ops.cells.cell import Cell
from gatewright.ops.cells.gru import GRU
from gatewright.ops.cells.layer_norm_gru import LayerNormGRU
from gatewright.ops.cells.layer_norm_lstm import LayerNormLSTM
from gatewright.ops.cells.lstm import LSTM
from gatewright.ops.cells.mgu import MGU
from gatewright.ops.cells.min_gru import MinGRU
from gatewright.ops.cells.min_lstm import MinLSTM
from gatewright.ops.cells.simple_rnn import SimpleRNN

_CELLS: tuple[Cell, ...] = (
    SimpleRNN(),
    LSTM(),
    GRU(),
    MinGRU(),
    MinLSTM(),
    LayerNormLSTM(),
    LayerNormGRU(),
    MGU(),
)

CELLS: dict[str, Cell] = {cell.name: cell for cell in _CELLS}
"""All cells by name."""
