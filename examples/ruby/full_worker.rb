# frozen_string_literal: true

# A worker that does all that a worker can. full_worker.rb ADDRESS CLIENT QUEUE [CREDIT]
#
# Its tasks are texts `MS WORDS`: it takes so many milliseconds, in ten steps, and answers WORDS in capitals; `MS fail`
# fails. SIGTERM: it takes nothing new, finishes what runs, and ends with 0.

require_relative 'contact_worker'

$stdout.sync = true

HANDLER = lambda do |task|
  ms, words = task.payload.split(' ', 2)
  # What an earlier attempt has done is not done again.
  first = task.checkpoint.to_i
  first.upto(9) do |step|
    task.progress(step / 10.0, "step #{step}")
    # Waits, unless the task is cancelled, has run out of time or is no longer ours: then it raises, and we stop.
    task.sleep(ms.to_i / 10_000.0)
    task.save_checkpoint((step + 1).to_s)
  end
  task.log("#{words} has taken #{ms} ms", first.positive? ? :warn : :info)
  raise ArgumentError, 'it was told to fail' if words == 'fail'

  words.upcase
end

address, client, queue, credit = ARGV
say = ->(*words) { puts words.join(' ') }
worker = ContactWorker::Worker.new(address, client, [queue], credit: (credit || 4).to_i, say: say, &HANDLER)
trap('TERM') { worker.leave }
worker.run
puts 'left'
