using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Versus;

/// <summary>
/// Measures: each program on each contender in turn, and that several times over, so that whatever else the machine is
/// doing hits all of them alike.
/// </summary>
/// <param name="contenders">Who takes part.</param>
/// <param name="processes">How many processes of each: medians are taken of so many.</param>
/// <param name="seconds">How long a round is to take, about; on QEMU if it takes part.</param>
/// <param name="limit">How long one process may take.</param>
internal sealed class Contest(IReadOnlyList<Contender> contenders, int processes, double seconds, TimeSpan limit)
{
    private const long FirstTrialInstructions = 100_000_000;
    private const int Trials = 4;

    /// <summary>Processes that we believe share a processor with us.</summary>
    private const int MostCrowded = 30;

    /// <summary>All contenders at one program.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; no process is left.</exception>
    public ProgramResult Run(GuestProgram program, CancellationToken cancellation)
    {
        var entries = contenders.Select(static contender => new Entry(contender)).ToList();

        // The translators have to do exactly the same work. The interpreter would take ten times as long for it, so it gets
        // less of the same, and is compared by the time of one iteration.
        Entry? pace = entries.Find(static e => e.Contender.Name == ContenderNames.Qemu) ?? entries.Find(static e => e.Contender.Name == ContenderNames.Jit);
        pace?.Attempt(() => pace.Iterations = Calibrate(pace.Contender, program, cancellation));
        foreach (Entry entry in entries.Where(e => e != pace))
        {
            if (entry.Contender.Name != ContenderNames.Interpreter && pace is { Failure: null })
            {
                entry.Iterations = pace.Iterations;
            }
            else
            {
                entry.Attempt(() => entry.Iterations = Calibrate(entry.Contender, program, cancellation));
            }
        }

        for (int turn = 0; turn < processes; turn++)
        {
            for (int place = 0; place < entries.Count; place++)
            {
                // Nobody is always the one who comes after the slowest.
                Entry entry = entries[(turn + place) % entries.Count];
                entry.Attempt(() => entry.Samples.Add(GuestProcess.Run(entry.Contender, program, entry.Iterations, limit, cancellation)));
            }
        }

        return new ProgramResult(program.Name, [.. entries.Select(static e => new Score(e.Contender.Name, e.Iterations, e.Samples, e.Failure))]);
    }

    /// <summary>How many iterations fill a round.</summary>
    private int Calibrate(Contender contender, GuestProgram program, CancellationToken cancellation)
    {
        double iterations = Math.Max(1, FirstTrialInstructions / program.InstructionsPerIteration);
        for (int trial = 1; ; trial++)
        {
            Sample sample = GuestProcess.Run(contender, program, (int)iterations, limit, cancellation);

            // On a busy machine the clock alone would have us choose far too little work.
            double taken = sample.Processor is { } processor ? Math.Clamp(processor, sample.Warm / MostCrowded, sample.Warm) : sample.Warm;
            iterations = Math.Clamp(iterations * seconds / taken, 1, int.MaxValue / 4);
            if (trial == Trials || taken > seconds / 3)
            {
                return (int)iterations;
            }
        }
    }

    private sealed class Entry(Contender contender)
    {
        public Contender Contender { get; } = contender;

        public int Iterations { get; set; } = 1;

        public List<Sample> Samples { get; } = [];

        public string? Failure { get; private set; }

        /// <summary>Who has failed once is out, for this program.</summary>
        public void Attempt(Action action)
        {
            if (Failure is null)
            {
                try
                {
                    action();
                }
                catch (ContenderException e)
                {
                    Failure = e.Message;
                }
            }
        }
    }
}
