// A line to the server, as both workers open it, and what the server said at its end.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>

namespace contact_worker {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

inline constexpr Seconds kFirstPause{0.1};
inline constexpr Seconds kLongestPause{5.0};

// A channel that is shared with no other: once it is gone, the next session has a line of its own.
inline std::shared_ptr<grpc::Channel> OpenLine(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A line that is cut without a word is noticed by these pings, within half a minute.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt("grpc.http2.ping_timeout_ms", 10'000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// 32 hex digits that nobody guesses: a session id.
inline std::string DrawSession() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::random_device device;
  std::string id;
  for (int n = 0; n < 32; n += 1) id += kDigits[device() % 16];
  return id;
}

// Why a call has ended, and when the server wants us again: now, backoff or never.
struct End {
  std::string reason = "OK";
  std::string retry = "backoff";
  std::string details;
  // Whether the server itself has said so: a status without these trailers is the word of a proxy, or of the line.
  bool is_told = false;
};

inline End EndOf(const grpc::ClientContext& context, const grpc::Status& status) {
  End end;
  if (status.ok()) return end;
  end.reason = "STATUS_" + std::to_string(status.error_code());
  end.details = status.error_message();
  for (const auto& [key, value] : context.GetServerTrailingMetadata()) {
    if (key == "contact-reason") end.reason = std::string(value.data(), value.size());
    if (key != "contact-retry") continue;
    end.retry = std::string(value.data(), value.size());
    end.is_told = true;
  }
  return end;
}

// The time until the next try, after so many failures one after the other.
inline Seconds PauseAfter(const End& end, int failures) {
  static std::mt19937 random{std::random_device{}()};
  const Seconds ceiling = std::min(kLongestPause, kFirstPause * static_cast<double>(1 << std::min(failures, 10)));
  const Seconds most = end.retry == "now" ? kFirstPause : ceiling;
  return most * std::uniform_real_distribution<>(0, 1)(random);
}

}  // namespace contact_worker
