using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Compare;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tests.Tour;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Tests.Compare;

/// <summary>
/// Whoever checks must be checked: each of these does something wrong in one of the two Guests, and the comparison has to find it, at the very block.
/// </summary>
public sealed class PlantedFaultTests
{
    private const uint Threshold = 20;
    private const long Every = 10_000;

    private static readonly LoopGuest s_guest = new();

    [Fact]
    public void Two_sound_Guests_are_equal_to_the_end()
    {
        LockstepResult result = Compare(_ => { });
        Assert.Null(result.Difference);
        Assert.True(result.Equal > 100_000, $"{result.Equal} instructions");
        Assert.Equal(result.Equal / Every + 1, result.Checkpoints);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(777)]
    [InlineData(1_000_000)]
    public void A_forgotten_carry_is_found_at_its_block_whatever_the_distance_of_checkpoints(long every)
    {
        // adc ecx, 0 → add ecx, 0
        LockstepResult result = Compare(Tamper([0x83, 0xD1, 0x00], [0x83, 0xC1, 0x00]), every);
        Expect(result, s_guest.Flags, "ecx");
    }

    [Fact]
    public void A_wrong_flag_is_found_at_its_block()
    {
        // adc ecx, 0 → or ecx, 0 (0x83 /1): the number is right unless there was a carry; the flags are those of another instruction.
        LockstepResult result = Compare(Tamper([0x83, 0xD1, 0x00], [0x83, 0xC9, 0x00]));
        Expect(result, s_guest.Flags, "ecx");
    }

    [Fact]
    public void The_report_shows_what_was_made_of_the_block()
    {
        LockstepResult result = Compare(Tamper([0x83, 0xD1, 0x00], [0x83, 0xC9, 0x00]));
        Difference difference = Expect(result, s_guest.Flags, "ecx");
        Translation translation = difference.Translations[0];
        Assert.InRange(translation.Blocks, 1, 32);

        // IL of an or, though the Guest's code says adc: that is the fault.
        string[] il = [.. translation.Il];
        int at = Array.FindIndex(il, line => line.StartsWith($"  {s_guest.Flags + 2:x8}  ", StringComparison.Ordinal));
        Assert.True(at >= 0, string.Join('\n', il));
        Assert.Contains("      or", il[(at + 1)..].TakeWhile(static line => !line.StartsWith("  00", StringComparison.Ordinal)));
        string report = Report(result);
        Assert.Contains("IL (=> the block's instructions)", report, StringComparison.Ordinal);
        Assert.Contains($"=>  {s_guest.Flags + 2:x8}", report, StringComparison.Ordinal);
        if (MachineCode.IsSupported)
        {
            Assert.Contains(translation.MachineCode, static line => line.Trim() == "ret" || line.Contains("jmp", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_high_byte_that_went_to_the_low_one_is_found_at_its_block()
    {
        // mov dh, cl → mov dl, cl
        LockstepResult result = Compare(Tamper([0x88, 0xCE], [0x88, 0xCA]));
        Expect(result, s_guest.HighByte, "edx");
    }

    [Fact]
    public void A_wrong_vector_sum_is_found_at_its_block()
    {
        // paddd xmm1, xmm0 → psubd xmm1, xmm0
        LockstepResult result = Compare(Tamper([0x66, 0x0F, 0xFE, 0xC8], [0x66, 0x0F, 0xFA, 0xC8]));
        Difference difference = Expect(result, s_guest.Vector, "xmm1");
        Assert.Equal(["fpu"], difference.First.Digest.PartsUnlike(difference.Second.Digest));
        Assert.Contains("! xmm1", Report(result), StringComparison.Ordinal);
    }

    [Fact]
    public void A_flag_that_is_missing_in_MXCSR_is_found_at_its_block()
    {
        // cvtsi2ss xmm2, ebx → cvtsi2sd xmm2, ebx, which is never inexact
        LockstepResult result = Compare(Tamper([0xF3, 0x0F, 0x2A, 0xD3], [0xF2, 0x0F, 0x2A, 0xD3]));
        Expect(result, s_guest.Vector, "mxcsr", "xmm2");
    }

    [Fact]
    public void A_wrong_byte_in_memory_is_found_at_its_block_and_shown()
    {
        byte[] address = BitConverter.GetBytes(LoopGuest.Variables + 0x200);
        LockstepResult result = Compare(Tamper([0xC6, 0x05, .. address, 5], [0xC6, 0x05, .. address, 6]));
        Expect(result, s_guest.MemoryByte);
        MemoryDifference memory = Assert.Single(result.Difference!.Memory);
        Assert.Equal(LoopGuest.Variables + 0x200, memory.Physical);
        Assert.Equal([5], memory.First);
        Assert.Equal([6], memory.Second);
        Assert.All(result.Difference.Fields, static pair => Assert.Equal(pair.First, pair.Second));
    }

    [Fact]
    public void Stores_in_the_wrong_order_across_a_fault_are_found_at_their_block()
    {
        byte[] nowhere = [0xA3, .. BitConverter.GetBytes(0xFFD00000)];
        byte[] somewhere = [0xA3, .. BitConverter.GetBytes(LoopGuest.Variables + 0x300)];
        LockstepResult result = Compare(Tamper([.. nowhere, .. somewhere], [.. somewhere, .. nowhere]));
        Expect(result, s_guest.Stores);
    }

    [Fact]
    public unsafe void A_wrong_eip_on_a_fault_is_found_at_the_block_that_faulted()
    {
        int faults = 0;
        LockstepResult result = Compare(switcher: true, plant: setup => setup.CreateEngine = machine => new LyingEngine(Jit(machine), (cpu, reason) =>
        {
            // Not the first time: it must be found wherever it is.
            if (reason == ExitReason.Fault && cpu->FaultVector == Vectors.PageFault && ++faults > 40)
            {
                cpu->Eip = s_guest.Stores;
            }

            return true;
        }));
        Expect(result, s_guest.Stores);
    }

    /// <summary>The second Guest delivers its traps itself, and the first does not: what goes wrong in that shows.</summary>
    [Fact]
    public unsafe void A_fault_delivered_through_the_wrong_kind_of_gate_is_found_at_the_block_that_faulted()
    {
        LockstepResult result = Compare(setup => setup.CreateEngine = machine => new LyingEngine(Jit(machine), (cpu, _) =>
        {
            cpu->Direct.Gates[Vectors.PageFault] |= cpu->Direct.Gates[Vectors.PageFault] != 0 ? DirectTrapState.GateDisables : 0;
            return true;
        }));
        Expect(result, s_guest.Stores, "irq_enabled");
    }

    [Fact]
    public unsafe void A_ready_made_segment_that_is_wrong_is_found()
    {
        LockstepResult result = Compare(setup => setup.CreateEngine = machine => new LyingEngine(Jit(machine), (cpu, _) =>
        {
            // Ready-made, and wrong: whatever is entered or left through it shows it.
            cpu->Direct.KernelCs.Limit--;
            return true;
        }));
        Expect(result, null, "cs");
    }

    [Fact]
    public void A_stale_translation_is_found_where_it_runs()
    {
        LockstepResult result = Compare(setup => setup.Sabotage = guest =>
            guest.Machine.Ram.WriteObserver = new DeafObserver(guest.Machine.Ram.WriteObserver!, LoopGuest.RewrittenOperand));
        Expect(result, LoopGuest.RewrittenCode, "edx");
    }

    [Fact]
    public void A_late_interrupt_is_found_where_it_should_have_come()
    {
        LockstepResult result = Compare(setup => setup.Sabotage = guest =>
        {
            // Two instructions after it was due, each time from the third on.
            long due = -1;
            int times = 0;
            guest.Guest.Pace!.IsDeaf = retired =>
            {
                if (guest.Machine.Retired < due)
                {
                    due = -1;
                }

                bool pending = IsTimerPending(guest);
                if (pending && due < 0 && ++times > 2)
                {
                    due = retired;
                }

                bool deaf = pending && due >= 0 && retired < due + 2;
                due = deaf || !pending ? due : -1;
                return deaf;
            };
        });
        Difference difference = Expect(result, null);

        // push eax, the handler's first, is one byte.
        Assert.Equal(s_guest.Timer + 1, Field(difference, "eip", first: true));
        Assert.NotEqual(s_guest.Timer + 1, Field(difference, "eip", first: false));
        Assert.Equal("00000000", difference.Fields.Single(static pair => pair.First.Name == "irqs pending").First.Value);
        Assert.Equal("00000001", difference.Fields.Single(static pair => pair.First.Name == "irqs pending").Second.Value);
    }

    private static unsafe bool IsTimerPending(DeterministicGuest guest) => (guest.Machine.Cpu->PendingInterrupts & 1) != 0;

    [Fact]
    public void A_fault_in_the_interpreter_is_found_as_well()
    {
        int runs = 0;
        unsafe LockstepResult Run() => Compare(switcher: true, plant: setup => setup.CreateEngine = machine => new LyingEngine(new InterpreterEngine(machine), (cpu, reason) =>
        {
            if (reason == ExitReason.SoftwareInterrupt && ++runs > 6)
            {
                cpu->Gpr[Reg.Edi] ^= 0x100;
            }

            return true;
        }));

        Difference difference = Expect(Run(), null);
        Assert.Equal(0x100u, Field(difference, "edi", first: true) ^ Field(difference, "edi", first: false));
        Assert.Equal("int     $0x1f", difference.Trace!.Code.Single(static i => i.IsNext).Text);
    }

    private static Difference Expect(LockstepResult result, uint? block, params string[] fields)
    {
        Difference difference = Assert.IsType<Difference>(result.Difference);
        Assert.True(difference.IsNarrow && difference.IsExact && (block ?? difference.Trace!.Culprit.Eip) == difference.Trace!.Culprit.Eip, Report(result));
        Assert.Equal(difference.Equal + 1, difference.Unlike);

        Assert.InRange(difference.Trace!.Blocks.Count, 1, BlockTrace.Most);
        Assert.Contains(difference.Trace.Code, static instruction => instruction.IsNext);
        foreach (string field in fields)
        {
            (StateField first, StateField second) = difference.Fields.Single(pair => pair.First.Name == field);
            Assert.NotEqual(first.Value, second.Value);
        }

        return difference;
    }

    private static string Report(LockstepResult result)
    {
        using var text = new StringWriter();
        var outcome = new CompareOutcome
        {
            First = "first",
            Second = "second",
            Instructions = result.Equal,
            Checkpoints = result.Checkpoints,
            Every = Every,
            Time = TimeSpan.Zero,
            Lives = 1,
            Difference = result.Difference,
            Reproduce = "this test",
        };
        new CompareReport(text, outcome, SymbolTable.Empty).Write();
        return text.ToString();
    }

    private static uint Field(Difference difference, string name, bool first)
    {
        (StateField one, StateField other) = difference.Fields.Single(pair => pair.First.Name == name);
        return Convert.ToUInt32((first ? one : other).Value, 16);
    }

    /// <summary>The translator is given other code than there is.</summary>
    private static Action<Side> Tamper(byte[] from, byte[] to) => side =>
    {
        side.Tamper = plan =>
        {
            foreach (PlannedBlock block in plan.Blocks)
            {
                _ = LoopGuest.Replace(block.Code, from, to);
            }
        };
    };

    private static TieredEngine Jit(GuestMachine machine, Action<RegionPlan>? tamper = null, TranslationCapture? capture = null) =>
        new(machine, Threshold, probes: capture == null ? null : new EngineProbes { Compiler = capture }, waits: true)
        {
            Compiler = (plan, optimisations, watch) =>
            {
                // Only the compiler is lied to: what is installed is held to the Guest's memory, and thrown away if it is of other code.
                byte[][] truth = [.. plan.Blocks.Select(static block => block.Code.ToArray())];
                tamper?.Invoke(plan);
                CompiledRegion region = RegionCompiler.Compile(plan, optimisations, watch);
                for (int i = 0; i < truth.Length; i++)
                {
                    truth[i].CopyTo(plan.Blocks[i].Code, 0);
                }

                return region;
            },
        };

    private static LockstepResult Compare(Action<Side> plant, long every = Every, bool switcher = false)
    {
        var side = new Side();
        plant(side);
        DeterministicSetup first = Setup(static machine => new InterpreterEngine(machine), directTraps: false);
        var capture = new TranslationCapture();
        DeterministicSetup second = Setup(side.CreateEngine ?? (machine => Jit(machine, side.Tamper, capture)), !switcher) with
        {
            Sabotage = side.Sabotage,
            Translations = capture,
        };
        using var pair = new GuestPair(first, second);
        return new Lockstep(pair, every, long.MaxValue).Run();
    }

    private static DeterministicSetup Setup(Func<GuestMachine, IExecutionEngine> engine, bool directTraps) => new()
    {
        Memory = LoopGuest.Memory,
        CreateEngine = engine,
        Load = s_guest.Load,
        Options = new GuestOptions { MaxInstructions = 10_000_000, DirectTraps = directTraps },
        Output = new HashingSink(null),
        Input = new ScriptedInput(InputScript.Empty),
        Log = new DeviceLog(TextWriter.Null),
    };

    /// <summary>What is wrong with the second Guest.</summary>
    private sealed class Side
    {
        public Func<GuestMachine, IExecutionEngine>? CreateEngine { get; set; }

        public Action<RegionPlan>? Tamper { get; set; }

        public Action<DeterministicGuest>? Sabotage { get; set; }
    }

    /// <summary>Does not hear of writes to one byte.</summary>
    private sealed class DeafObserver(ICodeWriteObserver inner, uint address) : ICodeWriteObserver
    {
        public void NotifyWrite(uint physical, uint length)
        {
            if (physical != address)
            {
                inner.NotifyWrite(physical, length);
            }
        }
    }
}
