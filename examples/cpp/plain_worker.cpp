// A plain worker: takes tasks, tells results one call each, and comes back by itself.
// plain_worker ADDRESS CLIENT QUEUE
//
// Enough for most programs. It has no SendStatus stream: a task counts as begun when it was written to it, so give
// tasks a `timeout_ms`; progress, logs and checkpoints are for full_worker.cpp. A result that was told and not
// acknowledged when this program dies is told by nobody: the task runs again.

#include <cctype>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "contact/v1/contact.grpc.pb.h"
#include "line.h"

namespace pb = contact::v1;
using contact_worker::Clock;
using contact_worker::End;

namespace {

// What this worker is for: bytes in, bytes out; what it throws is a failure.
std::string Handle(std::string payload) {
  if (payload == "fail") throw std::invalid_argument("it was told to fail");
  for (char& byte : payload) byte = static_cast<char>(std::toupper(static_cast<unsigned char>(byte)));
  return payload;
}

// What became of a task, as it is told.
pb::TellResultRequest ResultOf(const pb::Assignment& task) {
  pb::TellResultRequest request;
  try {
    const std::string result = Handle(task.payload());
    pb::Succeeded* succeeded = request.add_succeeded();
    succeeded->set_task_id(task.task_id());
    succeeded->set_delivery(task.delivery());
    succeeded->set_result(result);
  } catch (const std::exception& error) {
    pb::Failed* failed = request.add_failed();
    failed->set_task_id(task.task_id());
    failed->set_delivery(task.delivery());
    failed->mutable_error()->set_message(error.what());
  }
  return request;
}

class PlainWorker {
 public:
  PlainWorker(std::string address, std::string client, std::string queue)
      : address_(std::move(address)), client_(std::move(client)), queue_(std::move(queue)) {}

  // Comes again and again; ends where the server says that there is no use in it.
  void Run() {
    for (int failures = 0;;) {
      const Clock::time_point began = Clock::now();
      const End end = Work();
      failures = Clock::now() - began > contact_worker::kLongestPause ? 0 : failures + 1;
      std::cout << "lost " << end.reason << " " << end.details << std::endl;
      if (end.retry == "never") return;
      std::this_thread::sleep_for(contact_worker::PauseAfter(end, failures));
    }
  }

 private:
  // One session, until it ends.
  End Work() {
    stub_ = pb::ContactService::NewStub(contact_worker::OpenLine(address_));
    session_ = contact_worker::DrawSession();
    if (const auto end = TellAll()) return *end;
    grpc::ClientContext context;
    Introduce(context);
    pb::GetTaskRequest request;
    request.add_queues(queue_);
    // One task at a time: the next one is pushed when the result of this one is stored.
    request.set_max_in_flight(1);
    const auto stream = stub_->GetTask(&context, request);
    pb::GetTaskResponse message;
    std::optional<End> end;
    while (!end && stream->Read(&message)) {
      if (message.has_registered()) std::cout << "registered" << std::endl;
      for (const pb::Assignment& task : message.tasks().tasks()) {
        untold_ = ResultOf(task);
        if ((end = TellAll())) break;
      }
    }
    if (end) context.TryCancel();
    const grpc::Status status = stream->Finish();
    return end ? *end : contact_worker::EndOf(context, status);
  }

  // Tells the result that no answer has come for until the server has said what became of it: sent twice it is stored
  // once. Answers why it could not, if so.
  std::optional<End> TellAll() {
    while (untold_) {
      grpc::ClientContext context;
      Introduce(context);
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
      pb::TellResultResponse response;
      const auto call = stub_->TellResult(&context, &response);
      call->Write(*untold_);
      call->WritesDone();
      const grpc::Status status = call->Finish();
      if (!status.ok()) return contact_worker::EndOf(context, status);
      const pb::Outcome& outcome = response.outcomes(0);
      if (outcome.code() == pb::OUTCOME_CODE_RETRY_LATER) {
        std::this_thread::sleep_for(std::chrono::milliseconds(outcome.after_ms()));
        continue;
      }
      std::cout << "told " << pb::OutcomeCode_Name(outcome.code()) << std::endl;
      untold_.reset();
    }
    return std::nullopt;
  }

  void Introduce(grpc::ClientContext& context) const {
    context.AddMetadata("contact-client", client_);
    context.AddMetadata("contact-session", session_);
  }

  const std::string address_, client_, queue_;
  std::unique_ptr<pb::ContactService::Stub> stub_;
  std::string session_;
  // Of this session or of one before.
  std::optional<pb::TellResultRequest> untold_;
};

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    std::cerr << "plain_worker ADDRESS CLIENT QUEUE" << std::endl;
    return 2;
  }
  PlainWorker(words[1], words[2], words[3]).Run();
  return 1;
}
