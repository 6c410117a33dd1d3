"""The cells. To add one, write its file and add it to the list below: see "To add a cell" in ARCHITECTURE.md."""

from gatewright.ops.cells.cell import Cell
from gatewright.ops.cells.gru import GRU
from gatewright.ops.cells.layer_norm_gru import LayerNormGRU
from gatewright.ops.cells.layer_norm_lstm import LayerNormLSTM
from gatewright.ops.cells.lstm import LSTM
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
)

CELLS: dict[str, Cell] = {cell.name: cell for cell in _CELLS}
"""Every cell by its name."""
