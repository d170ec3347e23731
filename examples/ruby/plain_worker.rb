# frozen_string_literal: true

# A plain worker: takes tasks, tells results one call each, and comes back by itself.
# plain_worker.rb ADDRESS CLIENT QUEUE
#
# Enough for most programs. It has no SendStatus stream: a task counts as begun when it was written to it, so give tasks
# a `timeout_ms`; progress, logs and checkpoints are for full_worker.rb. A result that was told and not acknowledged
# when this program dies is told by nobody: the task runs again.

require 'securerandom'
require 'contact/v1/contact_services_pb'

Pb = Contact::V1

# A line that is cut without a word is noticed by these pings, within half a minute.
KEEPALIVE = {
  'grpc.keepalive_time_ms' => 10_000,
  'grpc.keepalive_timeout_ms' => 10_000,
  'grpc.http2.ping_timeout_ms' => 10_000
}.freeze
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0

# What this worker is for: bytes in, bytes out; what it raises is a failure.
def handle(payload)
  raise ArgumentError, 'it was told to fail' if payload == 'fail'

  payload.upcase
end

# What became of a task, as it is told.
def result_of(task)
  name = { task_id: task.task_id, delivery: task.delivery }
  Pb::TellResultRequest.new(succeeded: [Pb::Succeeded.new(**name, result: handle(task.payload))])
rescue StandardError => e
  Pb::TellResultRequest.new(failed: [Pb::Failed.new(**name, error: { message: e.message })])
end

# Tells a result until the server has said what became of it: sent twice it is stored once.
def tell(stub, result, session)
  loop do
    outcome = stub.tell_result([result], metadata: session, deadline: Time.now + 30).outcomes.first
    return outcome.code unless outcome.code == :OUTCOME_CODE_RETRY_LATER

    sleep(outcome.after_ms / 1000.0)
  end
end

# Tells what is in `untold`: the result that no answer has come for, of this session or of one before.
def tell_all(stub, untold, session)
  until untold.empty?
    puts "told #{tell(stub, untold.first, session)}"
    untold.shift
  end
end

# One session, until it ends.
def work(stub, client, queue, untold)
  session = { 'contact-client' => client, 'contact-session' => SecureRandom.hex(16) }
  tell_all(stub, untold, session)
  # One task at a time: the next one is pushed when the result of this one is stored.
  stub.get_task(Pb::GetTaskRequest.new(queues: [queue], max_in_flight: 1), metadata: session).each do |message|
    puts 'registered' if message.registered
    message.tasks&.tasks&.each do |task|
      untold << result_of(task)
      tell_all(stub, untold, session)
    end
  end
end

# Seconds until the next try, by what the server has said; nil: there is no use in one.
def pause_after(error, failures)
  case error.metadata['contact-retry']
  when 'never' then nil
  when 'now' then rand * 0.1
  else rand * [LONGEST_PAUSE, FIRST_PAUSE * 2**failures].min
  end
end

# Comes again and again; ends where the server says that there is no use in it.
def main(address, client, queue)
  untold = []
  failures = 0
  loop do
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    # A channel for each session, which is closed: the next one has a line of its own.
    channel = GRPC::Core::Channel.new(address, KEEPALIVE, :this_channel_is_insecure)
    begin
      stub = Pb::ContactService::Stub.new(address, :this_channel_is_insecure, channel_override: channel)
      work(stub, client, queue, untold)
      pause = FIRST_PAUSE
    rescue GRPC::BadStatus => e
      lasted = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began > LONGEST_PAUSE
      failures = lasted ? 0 : failures + 1
      puts "lost #{e.class.name} #{e.details}"
      pause = pause_after(e, failures)
    ensure
      channel.close
    end
    return 1 unless pause

    sleep(pause)
  end
end

if $PROGRAM_NAME == __FILE__
  $stdout.sync = true
  exit(main(*ARGV))
end
