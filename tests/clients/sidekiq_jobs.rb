# The jobs of Sidekiq: its worker loads this file, and `ruby sidekiq_jobs.rb COUNT` enqueues so many.

require "set"
require "sidekiq"

# What it does without, redis-rb warns of at each job.
Redis.sadd_returns_boolean = false

Sidekiq.configure_server do |config|
  config.redis = {url: "redis://127.0.0.1:#{ENV.fetch("BACKLOGD_PORT")}"}
  # Seconds after which it looks for jobs that are due.
  config.options[:poll_interval_average] = 0.5
end
Sidekiq.configure_client do |config|
  config.redis = {url: "redis://127.0.0.1:#{ENV.fetch("BACKLOGD_PORT")}"}
end

# Writes its number down with one append, which threads and processes share without a lock.
class Square
  include Sidekiq::Worker

  def perform(number)
    sleep 0.01
    File.open(ENV.fetch("BACKLOGD_RUNS"), "a") { |runs| runs.write("#{number}\n") }
  end
end

# Fails at first, and is retried after a second and what Sidekiq adds to that, up to nine more.
class SquareAtLast < Square
  sidekiq_options retry: 3
  sidekiq_retry_in { 1 }

  FAILED = Set.new
  LOCK = Mutex.new

  def perform(number)
    # `add?` tells whether it was not there before.
    raise "the first attempt of #{number}" if LOCK.synchronize { FAILED.add?(number) }
    super
  end
end

if $PROGRAM_NAME == __FILE__
  count = Integer(ARGV.fetch(0))
  count.times do |number|
    if number < 25
      SquareAtLast.perform_async(number)
    elsif number < 50
      Square.perform_in(3, number)
    else
      Square.perform_async(number)
    end
  end
end
