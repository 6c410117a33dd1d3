// Selects the build of an instruction set: the widest that the processor supports, or one chosen by name.
#pragma once

#include <vector>

#include "core/api.hpp"

namespace gatewright {

std::vector<const InstructionSet*> available_instruction_sets();  // those that this processor runs, widest first
const InstructionSet& instruction_set();
bool choose_instruction_set(const char* name);  // false if it is not available

// How products of operands in bfloat16 are computed here: with the instructions for them or without.
Products bf16_products();
// Whether the instructions are used where the processor has them. Results do not depend on it; it is for tests.
void use_bf16_instructions(bool use);

}  // namespace gatewright
