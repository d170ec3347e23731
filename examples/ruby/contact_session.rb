# frozen_string_literal: true

require 'securerandom'
require 'contact/v1/contact_services_pb'
require_relative 'contact_task'

module ContactWorker
  KEEPALIVE = {
    'grpc.keepalive_time_ms' => 10_000,
    'grpc.keepalive_timeout_ms' => 10_000,
    'grpc.http2.ping_timeout_ms' => 10_000
  }.freeze
  # Seconds between two messages of progress and logs.
  PACE = 0.25
  # Bytes a second below which a line is taken for dead, as the server does.
  SLOWEST = 8 * 1024

  # One registration: a GetTask and its SendStatus, until either ends.
  class Session
    attr_reader :id, :was_heard

    def initialize(worker)
      @worker = worker
      @id = SecureRandom.hex(16)
      @was_heard = @is_over = false
      @up = Queue.new
      @heard_at = ContactWorker.now
      @patience = 30.0
      @errors = []
    end

    def tell(**fields)
      @up << Pb::SendStatusRequest.new(**fields)
    end

    def half_close
      @up << nil
    end

    # Answers why it has ended: the reason, when to come again, and words.
    def run
      # A channel for each session, which is closed: the next one has a line of its own.
      channel = GRPC::Core::Channel.new(@worker.address, KEEPALIVE, :this_channel_is_insecure)
      stub = Pb::ContactService::Stub.new(@worker.address, :this_channel_is_insecure, channel_override: channel)
      calls = open_calls(stub)
      # SendStatus first: then the session is full from its start.
      reader = Thread.new { read(calls.first) { |message| @worker.outcomes(message.outcomes) } }
      watcher = Thread.new { watch(calls) }
      read(calls.last) { |message| event(message) }
      # The other stream may know why: it gets a second.
      reader.join(1)
      @worker.lost
      @is_over = true
      half_close
      calls.each(&:cancel)
      [reader, watcher].each(&:join)
      why
    ensure
      channel.close
    end

    private

    def open_calls(stub)
      metadata = { 'contact-client' => @worker.client, 'contact-session' => @id }
      requests = Enumerator.new do |stream|
        while (message = @up.pop)
          stream << message
        end
      end
      request = Pb::GetTaskRequest.new(revision: 1, queues: @worker.queues, max_in_flight: @worker.credit,
                                       resume: @worker.resume, agent: 'contact example, Ruby')
      [stub.send_status(requests, metadata: metadata, return_op: true),
       stub.get_task(request, metadata: metadata, return_op: true)]
    end

    def read(call)
      call.execute.each do |message|
        @heard_at = ContactWorker.now
        yield message
      end
    rescue GRPC::BadStatus, GRPC::Core::CallError => e
      @errors << e
    end

    def event(message)
      # At once, not when the tasks are done: what is not receipted holds back further ones.
      tell(receipt: message.seq)
      case message.event
      when :registered then registered(message.registered)
      when :tasks then @worker.accept(message.tasks.tasks)
      when :cancel then @worker.cancelled(message.cancel)
      # Drained, we are given nothing and stay; moving, this server goes, and we come again when it has.
      when :drain, :moving then @worker.say(message.event)
      end
    end

    def registered(message)
      @was_heard = true
      @patience = 3 * message.intervals.ping_interval_ms / 1000.0 + message.limits.max_payload_bytes / SLOWEST
      @worker.registered(self, message)
    end

    # The pace of progress and logs, and the eye on a line that is dead without a word.
    def watch(calls)
      until @is_over
        Kernel.sleep(PACE)
        @worker.pump
        next if ContactWorker.now - @heard_at <= @patience

        @worker.say('silence')
        calls.each(&:cancel)
      end
    end

    # By whichever stream has it; a status without these trailers is the word of a proxy, or of the line.
    def why
      told = @errors.grep(GRPC::BadStatus)
      ours = told.find { |error| error.metadata.key?('contact-retry') }
      return ours.metadata.values_at('contact-reason', 'contact-retry') << ours.details if ours

      error = told.first || @errors.first
      [error ? error.class.name : 'OK', 'backoff', error&.message]
    end
  end
end
