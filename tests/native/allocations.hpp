// How often memory was asked for since the program began, by any thread.
#pragma once

long allocations();
