// SPDX-License-Identifier: Apache-2.0
// C++ SDK: everything at once. A plugin includes this, or entry.hpp and the headers of what it uses.
#ifndef JACKFIELD_PLUGIN_HPP
#define JACKFIELD_PLUGIN_HPP

#include <jackfield/calls.hpp>
#include <jackfield/core.hpp>
#include <jackfield/entry.hpp>
#include <jackfield/fields.hpp>
#include <jackfield/host.hpp>
#include <jackfield/http.hpp>
#include <jackfield/json.hpp>
#include <jackfield/log.hpp>
#include <jackfield/loop.hpp>
#include <jackfield/memory.hpp>
#include <jackfield/message.hpp>
#include <jackfield/ops.hpp>
#include <jackfield/results.hpp>
#include <jackfield/state.hpp>
#include <jackfield/tools.hpp>

#endif
