// A worker that does all that a worker can. full_worker ADDRESS CLIENT QUEUE [CREDIT]
//
// Its tasks are texts `MS WORDS`: it takes so many milliseconds, in ten steps, and answers WORDS in capitals; `MS fail`
// fails. SIGTERM: it takes nothing new, finishes what runs, and ends with 0.

#include <signal.h>

#include <cctype>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "contact_worker.h"

namespace {

std::string Handle(contact_worker::Task& task) {
  const std::string& payload = task.payload();
  const std::size_t space = payload.find(' ');
  if (space == std::string::npos) throw std::invalid_argument("expected MS WORDS");
  const int ms = std::stoi(payload.substr(0, space));
  std::string words = payload.substr(space + 1);
  // What an earlier attempt has done is not done again.
  const int first = task.checkpoint().empty() ? 0 : std::stoi(task.checkpoint());
  for (int step = first; step < 10; step += 1) {
    task.Progress(static_cast<float>(step) / 10, "step " + std::to_string(step));
    // Waits, unless the task is cancelled, has run out of time or is no longer ours: then it throws, and we stop.
    task.Sleep(contact_worker::Seconds(ms / 10'000.0));
    task.SaveCheckpoint(std::to_string(step + 1));
  }
  task.Log(words + " has taken " + std::to_string(ms) + " ms",
           first > 0 ? contact::v1::LOG_LEVEL_WARN : contact::v1::LOG_LEVEL_INFO);
  if (words == "fail") throw std::invalid_argument("it was told to fail");
  for (char& letter : words) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return words;
}

void Say(const std::string& words) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::cout << words << std::endl;
}

}  // namespace

int main(int count, char** words) {
  if (count < 4) {
    std::cerr << "full_worker ADDRESS CLIENT QUEUE [CREDIT]" << std::endl;
    return 2;
  }
  // Before there is another thread: blocked in all, and taken by one that may take locks.
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &terminate, nullptr);

  contact_worker::Options options;
  options.address = words[1];
  options.client = words[2];
  options.queues = {words[3]};
  options.credit = count > 4 ? std::stoi(words[4]) : 4;
  options.handle = Handle;
  options.say = Say;
  contact_worker::Worker worker(options);
  std::thread waiter([&worker, &terminate] {
    int signal;
    sigwait(&terminate, &signal);
    worker.Leave();
  });
  int code = 0;
  try {
    worker.Run();
    Say("left");
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    code = 1;
  }
  // It may still wait for the signal.
  pthread_kill(waiter.native_handle(), SIGTERM);
  waiter.join();
  return code;
}
