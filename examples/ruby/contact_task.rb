# frozen_string_literal: true

require 'monitor'
require 'contact/v1/contact_pb'

module ContactWorker
  Pb = Contact::V1

  # Lines that are kept of a task until its result is acknowledged: the server keeps no more of an attempt.
  KEPT_LINES = 100

  # Raised in a handler whose task is cancelled, has run out of time, or is no longer ours.
  class Stopped < StandardError; end

  # Seconds of a clock that nobody sets.
  def self.now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # One delivery, as its handler sees it.
  class Task
    attr_reader :payload, :metadata, :attempt, :checkpoint, :key

    def initialize(assignment, lock)
      @payload = assignment.payload
      @metadata = assignment.metadata.to_h
      @attempt = assignment.attempt
      @checkpoint = assignment.checkpoint
      # What its fields are called in every message that names it.
      @key = { task_id: assignment.task_id, delivery: assignment.delivery }.freeze
      @lock = lock
      @stopped = lock.new_cond
      @stop_reason = nil
      @new_progress = @new_checkpoint = @last_checkpoint = nil
      @lines = []
      @line_count = @sent_to = 0
    end

    # Waits; raises Stopped as soon as there is nothing to work for any more.
    def sleep(seconds = 0)
      ends_at = ContactWorker.now + seconds
      @lock.synchronize do
        while @stop_reason.nil? && (left = ends_at - ContactWorker.now).positive?
          @stopped.wait(left)
        end
        raise Stopped, @stop_reason if @stop_reason
      end
    end

    # How far it is, 0 to 1: the newest is told, four times a second at most.
    def progress(fraction, message = '')
      @lock.synchronize { @new_progress = { fraction: fraction, message: message } }
    end

    # A line that is kept with the attempt, the newest 100.
    def log(text, level = :info)
      @lock.synchronize do
        @line_count += 1
        @lines << Pb::LogLine.new(number: @line_count, level: :"LOG_LEVEL_#{level.upcase}", at: Time.now, text: text)
        @lines.shift if @lines.size > KEPT_LINES
      end
    end

    # Bytes for the next attempt, if there is one: at most 64 KiB, the newest counts.
    def save_checkpoint(data)
      @lock.synchronize { @new_checkpoint = @last_checkpoint = data.b }
    end

    # For the worker, which holds the lock.
    def stop(reason)
      @stop_reason ||= reason
      @stopped.broadcast
    end

    # What the handler has said since this was called before, as fields of a SendStatusRequest.
    def take_news
      lines = @lines.select { |line| line.number > @sent_to }
      @sent_to = lines.last.number unless lines.empty?
      news = { logs: lines.map { |line| Pb::TaskLog.new(**@key, line: line) } }
      news[:progress] = [Pb::Progress.new(**@key, **@new_progress)] if @new_progress
      news[:checkpoints] = [Pb::Checkpoint.new(**@key, data: @new_checkpoint)] if @new_checkpoint
      @new_progress = @new_checkpoint = nil
      news
    end

    # Nobody acknowledges lines and checkpoints: they may be lost with the line, and are said again.
    def say_again
      @sent_to = 0
      @new_checkpoint = @last_checkpoint
    end
  end
end
