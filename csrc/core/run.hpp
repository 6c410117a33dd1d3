// A whole call: schedule, memory, packing, and the parts shared among threads. What both doors call.
#pragma once

#include <cstddef>
#include <vector>

#include "core/api.hpp"

namespace gatewright {

// The names of the cells; Spec::cell is a place in this list.
std::vector<const char*> cell_names();

CellTraits traits(const Spec& spec);

// The most bytes of scratch that one call has used since this was last asked.
size_t take_most_scratch();

// Each returns null, or one sentence saying what is wrong with the lengths or the ids; nothing is written then. The
// number of tokens in `sizes` is theirs to find out.
template <class T>
const char* run_forward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live, const Outputs<T>& out);
template <class T>
const char* run_backward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live,
                         const BackwardInputs<T>& back, const Gradients<T>& grad);

}  // namespace gatewright
