// Selects the build of an instruction set: the widest that the processor supports, or one chosen by name.
#pragma once

#include <vector>

#include "core/api.hpp"

namespace gatewright {

std::vector<const InstructionSet*> available_instruction_sets();  // those that this processor runs, widest first
const InstructionSet& instruction_set();
bool choose_instruction_set(const char* name);  // false if it is not available

}  // namespace gatewright
