# The kernels without bindings: one object library for each instruction set, and the code that selects one.
find_package(Threads REQUIRED)
set(csrc "${CMAKE_CURRENT_LIST_DIR}")
add_library(gatewright_kernels STATIC ${csrc}/core/dispatch.cpp ${csrc}/core/run.cpp
            ${csrc}/core/schedule.cpp ${csrc}/core/scratch.cpp ${csrc}/core/segments.cpp ${csrc}/core/thread_pool.cpp ${csrc}/core/tokens.cpp ${csrc}/core/packed.cpp ${csrc}/core/peak.cpp
            ${csrc}/core/lazy_adam.cpp)
target_include_directories(gatewright_kernels PUBLIC ${csrc})
target_link_libraries(gatewright_kernels PUBLIC Threads::Threads)
target_compile_options(gatewright_kernels PRIVATE -Wall -Wextra)

function(add_instruction_set name vector_bytes)
  add_library(kernels_${name} OBJECT ${csrc}/kernels/kernels.cpp)
  target_include_directories(kernels_${name} PRIVATE ${csrc})
  target_compile_definitions(kernels_${name} PRIVATE GW_ISA=${name} GW_VECTOR_BYTES=${vector_bytes})
  # Not -ffast-math: it removes the rounding in exp and the handling of NaN. -Wno-psabi: vectors are passed only within a build.
  target_compile_options(kernels_${name} PRIVATE -O3 -ffp-contract=fast -fno-math-errno -Wall -Wextra -Wno-psabi ${ARGN})
  target_link_libraries(gatewright_kernels PRIVATE $<TARGET_OBJECTS:kernels_${name}>)
endfunction()

add_instruction_set(baseline 16)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_instruction_set(avx2 32 -mavx2 -mfma)
  add_instruction_set(wide 64 -mavx2 -mfma)
  add_instruction_set(avx512 64 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512)
endif()
