# frozen_string_literal: true

# A full worker of contact.v1: one thread for each task that runs, three for each session.
#
# `ContactService` of proto/contact/v1/contact.proto is the specification, docs/protocol.md has a picture of each
# exchange. The parts here have the names of that page: receipts, started, results and outcomes, cancel, drain, moving,
# resume.

require 'monitor'
require_relative 'contact_session'

module ContactWorker
  FIRST_PAUSE = 0.1
  LONGEST_PAUSE = 5.0

  # Runs tasks of `queues` by the block, in one session after the other.
  class Worker
    attr_reader :address, :client, :queues, :credit

    # `say` is told of what happens, for people.
    def initialize(address, client, queues, credit: 1, say: ->(*) {}, &handler)
      @address = address
      @client = client
      @queues = queues
      @credit = credit
      @say = say
      @handler = handler
      @lock = Monitor.new
      # What has been received and has no outcome yet, by its key: what a resume names as held.
      @running = {}
      @reports = {}
      @is_leaving = false
      @previous = @session = nil
    end

    # Takes nothing more, finishes what runs, and has `run` return. It may be called by a signal, where no lock can be
    # taken.
    def leave
      Thread.new { begin_leaving }
    end

    # Until it has left; raises what the server refuses for good.
    def run
      failures = replaced = 0
      loop do
        began = ContactWorker.now
        session = Session.new(self)
        reason, retry_when, details = session.run
        return if @lock.synchronize { @is_leaving && holds_nothing? }

        say('lost', reason, details)
        raise "#{reason}: #{details}" if retry_when == 'never'

        lasted = ContactWorker.now - began > LONGEST_PAUSE
        failures = lasted || session.was_heard ? 0 : failures + 1
        replaced = reason == 'REPLACED' ? replaced + 1 : 0
        sleep(pause_of(retry_when, failures, replaced))
      end
    end

    def say(*words)
      @say.call(*words)
    end

    # What follows is for the session.

    def accept(assignments)
      @lock.synchronize do
        assignments.each do |assignment|
          task = Task.new(assignment, @lock)
          # A push that has crossed our report, or comes again: it is not run twice.
          next if @running.key?(task.key) || @reports.key?(task.key)

          @running[task.key] = task
          # There are no more of them than the credit.
          Thread.new { work(task) }
        end
      end
    end

    def cancelled(cancel)
      @lock.synchronize do
        reason = cancel.reason.empty? ? 'cancelled' : cancel.reason
        @running[{ task_id: cancel.task_id, delivery: cancel.delivery }]&.stop(reason)
      end
    end

    # Goes on where the session before has ended.
    def registered(session, message)
      @lock.synchronize do
        @previous = session.id
        @session = session
        message.closed.each { |closed| @running.delete(closed.to_h)&.stop('the delivery is closed') }
        @running.each_value do |task|
          task.say_again
          tell(started: [Pb::Delivery.new(**task.key)])
        end
        @reports.each do |key, (_, task)|
          task.say_again
          tell_report(key)
        end
        session.tell(credit: 0) if @is_leaving
        say('registered', message.resumed ? 'resumed' : 'anew', @running.size, @reports.size)
        end_if_done
      end
    end

    # The session is over: what is said from now on is kept for the next one.
    def lost
      @lock.synchronize { @session = nil }
    end

    # What a registration says of the session before; nil: there was none.
    def resume
      @lock.synchronize do
        next unless @previous

        holding = (@running.keys + @reports.keys).map { |key| Pb::Delivery.new(**key) }
        Pb::Resume.new(previous_session: @previous, holding: holding, complete: true)
      end
    end

    def outcomes(outcomes)
      @lock.synchronize do
        outcomes.each do |outcome|
          key = { task_id: outcome.task_id, delivery: outcome.delivery }
          if outcome.code == :OUTCOME_CODE_RETRY_LATER
            Thread.new { tell_later(key, outcome.after_ms / 1000.0) }
          elsif @reports.delete(key)
            say('told', outcome.code)
          end
        end
        end_if_done
      end
    end

    # Sends what handlers have said since it was called before.
    def pump
      @lock.synchronize { @running.each_value { |task| tell(**task.take_news) } }
    end

    private

    # Seconds until the next try. Two programs of one name replace each other, so that wait is longer.
    def pause_of(retry_when, failures, replaced)
      return [60.0, 2.0 * 2**(replaced - 1)].min if replaced.positive?
      return rand * 0.1 if retry_when == 'now'

      rand * [LONGEST_PAUSE, FIRST_PAUSE * 2**failures].min
    end

    def begin_leaving
      @lock.synchronize do
        @is_leaving = true
        @session&.tell(credit: 0)
        end_if_done
      end
    end

    def holds_nothing?
      @running.empty? && @reports.empty?
    end

    # Half-closes the session once nothing is held any more.
    def end_if_done
      @session&.half_close if @is_leaving && holds_nothing?
    end

    def work(task)
      tell(started: [Pb::Delivery.new(**task.key)])
      report = report_of(task)
      @lock.synchronize do
        # Its delivery may have been closed meanwhile: then nobody wants to know.
        next unless @running.delete(task.key)

        # Kept until there is an outcome: with the task, whose lines are lost with the line as the result is.
        @reports[task.key] = [report, task]
        tell_report(task.key)
      end
    end

    def report_of(task)
      task.sleep
      { succeeded: [Pb::Succeeded.new(**task.key, result: @handler.call(task).b)] }
    rescue Stopped => e
      say('stopped', e.message)
      { stopped: [Pb::Delivery.new(**task.key)] }
    rescue StandardError => e
      { failed: [Pb::Failed.new(**task.key, error: { message: e.message, code: e.class.name })] }
    end

    def tell_report(key)
      report, task = @reports[key]
      tell(**task.take_news)
      tell(**report)
    end

    def tell_later(key, seconds)
      sleep(seconds)
      @lock.synchronize { tell_report(key) if @reports.key?(key) }
    end

    def tell(**fields)
      @lock.synchronize { @session&.tell(**fields) unless fields.values.all?(&:empty?) }
    end
  end
end
