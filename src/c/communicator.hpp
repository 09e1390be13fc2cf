#pragma once

// The ranks behind a handle.

#include "handles.hpp"

import fieldfold;

namespace fieldfold::c {

Handles<fieldfold_communicator, const Communicator>& communicators();

}  // namespace fieldfold::c
