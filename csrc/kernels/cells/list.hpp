// The cells. To add one, include its file and name it in GW_CELLS; its file defines with_<name>.
#pragma once

#include "kernels/cells/gru.hpp"
#include "kernels/cells/layer_norm_gru.hpp"
#include "kernels/cells/layer_norm_lstm.hpp"
#include "kernels/cells/lstm.hpp"
#include "kernels/cells/mgu.hpp"
#include "kernels/cells/min_gru.hpp"
#include "kernels/cells/min_lstm.hpp"
#include "kernels/cells/simple_rnn.hpp"

#define GW_CELLS(CELL)  \
  CELL(simple_rnn)      \
  CELL(lstm)            \
  CELL(gru)             \
  CELL(min_gru)         \
  CELL(min_lstm)        \
  CELL(layer_norm_lstm) \
  CELL(layer_norm_gru)  \
  CELL(mgu)
