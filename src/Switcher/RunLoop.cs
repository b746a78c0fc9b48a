using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Switcher;

/// <summary>
/// run_guest (drivers/lguest/core.c) and lguest_arch_handle_trap (drivers/lguest/x86/core.c): into the Guest, out of it, see
/// what it wanted, and again. One turn is a list of small steps; the order is lguest's.
/// </summary>
internal sealed unsafe class RunLoop(
    GuestContext context, IExecutionEngine engine, InterruptsAndTraps interrupts, Hypercalls hypercalls, InstructionEmulator emulator)
{
    /// <summary>Traps without an instruction in between that no Guest in its right mind would ever see.</summary>
    public const int MostTrapsInARow = 65536;

    private readonly GuestCpu* _cpu = context.Cpu;
    private long _retiredAtLastTrap;
    private int _trapsInARow;

    /// <summary>What devices have to do on this thread; null: nothing, ever.</summary>
    public IGuestThreadWork? DeviceWork { get; set; }

    /// <summary>Runs until the Guest ends, or is stopped.</summary>
    /// <param name="stop">Asks for a request to stop. Looked at once in each turn.</param>
    public GuestEnd RunGuest(Func<GuestEnd?> stop) => RunGuest(stop, long.MaxValue)!;

    /// <summary>As above, or until <paramref name="until"/> instructions have been completed: then null, before anything else happens.</summary>
    public GuestEnd? RunGuest(Func<GuestEnd?> stop, long until)
    {
        DeterministicPace? pace = context.Pace;
        while (true)
        {
            // Whatever is raised from here on either is seen below, or brings us back from the Guest. In this order, with the
            // fence that an exchange is: clear the word, then look for what it announced.
            _ = Interlocked.Exchange(ref _cpu->Attention, 0);

            // Dead? The reason has been given. Somebody wants us to stop? That can wait behind a death, not behind a life.
            if ((context.End ?? stop()) is { } end)
            {
                return end;
            }

            // As far as we were to go?
            if (_cpu->Retired >= until)
            {
                return null;
            }

            // In deterministic time, what is due at this very instruction.
            pace?.FireDue();

            // Input has arrived? Its bytes go into Guest RAM now, while no translated code runs.
            if (DeviceWork is { HasWork: true } work)
            {
                work.RunOnGuestThread();
            }

            // Interrupts: after every hypercall and every exit, before every entry, one at a time, the lowest first.
            if (pace == null)
            {
                interrupts.ConsiderInterrupts();
            }
            else
            {
                ConsiderAtPoint(pace);
            }

            if (!context.IsAlive)
            {
                continue;
            }

            // Nothing to do: sleep, and look again when somebody has raised something.
            if (_cpu->Halted != 0 && pace != null)
            {
                if (!pace.SkipAhead())
                {
                    return new GuestEnd(GuestEndKind.Idle, "the Guest is halted, and nothing is left that could wake it");
                }

                continue;
            }

            if (_cpu->Halted != 0)
            {
                interrupts.SleepUntilInterrupt();
                continue;
            }

            // No more than the Guest has been promised. Instructions that we completed ourselves have been counted.
            long budget = context.Options.MaxInstructions - _cpu->Retired;
            if (budget <= 0)
            {
                return new GuestEnd(GuestEndKind.InstructionLimit, $"instruction limit of {context.Options.MaxInstructions} reached");
            }

            // An interrupt that was refused, or is masked, must not wait for the Guest to come by of itself.
            budget = Math.Min(budget, until - _cpu->Retired);
            if (pace == null)
            {
                interrupts.PollWhilePending();
                budget = interrupts.IsInStackShadow && Volatile.Read(ref _cpu->PendingInterrupts) != 0 ? 1 : budget;
            }
            else
            {
                budget = pace.Budget(budget);
            }

            // New gates: the engine may use them from here on.
            interrupts.UpdateGates();

            // In we go.
            ExitReason reason = engine.Run(_cpu, budget);

            // And out again, with something to do.
            context.Statistics.ExitsByReason[(int)reason]++;
            HandleExit(reason);
            context.Statistics.Instructions = _cpu->Retired;
        }
    }

    /// <summary>What a snapshot has to keep of this.</summary>
    public void ExchangeState(StateArchive archive)
    {
        // An engine that delivers traps by itself does not come by here.
        if (!archive.Comparing)
        {
            archive.Field(ref _retiredAtLastTrap);
            archive.Field(ref _trapsInARow);
        }
    }

    /// <summary>
    /// In deterministic time: only where the contract says so, and then as the original does, one after the other until no
    /// more is taken.
    /// </summary>
    private void ConsiderAtPoint(DeterministicPace pace)
    {
        while (pace.TakePoint())
        {
            uint pending = _cpu->PendingInterrupts;
            interrupts.ConsiderInterrupts();
            if (_cpu->PendingInterrupts != pending && context.IsAlive)
            {
                pace.NotePoint();
            }
        }
    }

    /// <summary>lguest_arch_handle_trap. The exits without a case here have done their work by coming out.</summary>
    private void HandleExit(ExitReason reason)
    {
        switch (reason)
        {
            case ExitReason.Fault:
                HandleTrap(_cpu->FaultVector, _cpu->FaultErrorCode);
                break;
            case ExitReason.SoftwareInterrupt:
                HandleSoftwareInterrupt(_cpu->FaultVector);
                break;
            case ExitReason.SingleStep:
                Reinject(Vectors.Debug, 0, isFault: false);
                break;
            case ExitReason.Attention:
                interrupts.LookAtClock();
                break;
            case ExitReason.DeviceAccess or ExitReason.NoirqIret:
                context.Pace?.NotePoint();
                break;
        }
    }

    private void HandleTrap(int vector, uint errorCode)
    {
        switch (vector)
        {
            case Vectors.GeneralProtection when errorCode == 0 && emulator.EmulateInsn():
                context.Pace?.NotePoint();
                break;
            case Vectors.PageFault:
                ReinjectPageFault(_cpu->FaultAddress, errorCode);
                break;
            default:
                Reinject(vector, errorCode, isFault: true);
                break;
        }
    }

    /// <summary>The Guest has no cr2 of its own: the address goes to where its kernel looks for it.</summary>
    private void ReinjectPageFault(uint address, uint errorCode)
    {
        if (context.Data.Initialised && !context.Data.Write(LguestData.Cr2, address, "Writing cr2"))
        {
            return;
        }

        Deliver(Vectors.PageFault, errorCode, address, isFault: true);
    }

    private void Reinject(int vector, uint errorCode, bool isFault) => Deliver(vector, errorCode, errorCode, isFault);

    private void Deliver(int vector, uint errorCode, uint detail, bool isFault)
    {
        if (!context.IsAlive)
        {
            return;
        }

        if (IsGoingInCircles())
        {
            context.KillUnhandledTrap(vector, detail, $"{MostTrapsInARow} traps in a row and not one instruction completed");
        }
        else if (!interrupts.DeliverTrap(vector, errorCode, isFault))
        {
            context.KillUnhandledTrap(vector, detail);
        }
    }

    /// <summary>
    /// A handler whose first instruction faults is entered again and again. Mostly its stack ends some time, and the Guest with
    /// it; but a 16-bit stack pointer wraps for ever, and no instruction limit would ever be reached. (The original would
    /// burn the Host's CPU for ever as well, but there one can kill the Launcher.)
    /// </summary>
    private bool IsGoingInCircles()
    {
        if (_cpu->Retired != _retiredAtLastTrap)
        {
            // The first of a row may have been delivered without us; those behind it will not be.
            _retiredAtLastTrap = _cpu->Retired;
            _trapsInARow = _cpu->Direct.LastFaultAt == _cpu->Retired ? 1 : 0;
            _cpu->Direct.LastFaultAt = _cpu->Retired;
        }

        return ++_trapsInARow > MostTrapsInARow;
    }

    /// <summary>
    /// <c>int n</c>, <c>int3</c>, <c>into</c>: allowed by the gate's privilege, and then it has been executed and its frame says
    /// so; or not, and then it has not been, and the fault names the vector in its error code (SDM vol. 3, §6.13).
    /// </summary>
    private void HandleSoftwareInterrupt(int vector)
    {
        const uint InIdt = 2;
        if (!interrupts.MayInterrupt(vector))
        {
            Reinject(Vectors.GeneralProtection, ((uint)vector << 3) | InIdt, isFault: true);
            return;
        }

        _cpu->Eip += _cpu->TrapLength;
        _cpu->Retired++;
        if (vector == Vectors.Hypercall)
        {
            hypercalls.DoHypercalls();
        }
        else
        {
            Reinject(vector, 0, isFault: false);
        }
    }
}
