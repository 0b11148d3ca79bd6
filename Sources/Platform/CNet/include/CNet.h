// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "CNetDatagram.h"
#include "CNetInbox.h"
#include "CNetMedia.h"
#include "CNetProcess.h"
