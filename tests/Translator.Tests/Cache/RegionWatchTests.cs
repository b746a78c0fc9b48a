using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Translator.Tests.Rigs;
using Lguest.Jit.Translator.Trace;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>The counters at the door of translated code: each way out has its name, and looking changes nothing.</summary>
public sealed unsafe class RegionWatchTests
{
    private const uint Data = 0x20000;

    [Fact]
    public void A_cold_access_is_left_for_as_a_miss_once_and_then_no_more()
    {
        var missed = new List<uint>();
        using Watched watched = Run(
            static c =>
            {
                c.mov(esi, __dword_ptr[Data]);
                c.mov(ecx, __dword_ptr[Data + 4]);
            },
            (_, reason, eip) => missed.AddRange(reason == LeaveReason.Miss ? [eip] : []));
        Assert.Equal([Rig.Code], missed);

        // The second time it gets as far as the undefined instruction, which is the interpreter's too.
        watched.Again();
        Assert.Equal([Rig.Code, Rig.Code + 12], missed);
        Assert.Equal(2, watched[LeaveReason.Miss]);
    }

    [Fact]
    public void A_loop_leaves_for_its_budget_or_at_a_safepoint()
    {
        using Watched watched = Run(
            static c =>
            {
                Label again = c.CreateLabel();
                c.Label(ref again);
                c.inc(eax);
                c.jmp(again);
            },
            budget: 1001);
        Assert.Equal((ExitReason.Budget, 1), (watched.Exit, watched[LeaveReason.Budget]));
        watched.Rig.Cpu->Attention = 1;
        Assert.Equal(ExitReason.Attention, watched.Rig.Run());

        // That was seen before the region was entered; so let somebody ask while it runs.
        watched.Rig.Cpu->Attention = 0;
        Assert.Equal(0, watched[LeaveReason.Safepoint]);
        watched.Load(static c =>
        {
            Label again = c.CreateLabel();
            c.Label(ref again);
            c.mov(__dword_ptr[Data], 1);
            c.jmp(again);
        });

        // It is compiled before anybody asks, however long that takes here.
        Assert.Equal(ExitReason.Budget, watched.Rig.Run(1000));
        for (int tries = 0; tries < 100 && watched[LeaveReason.Safepoint] == 0; tries++)
        {
            // Whoever asks may come just when a slice ends, and then the loop outside sees it first: not for ever.
            Assert.Equal((ExitReason.Attention, ExecutionTier.Translated), watched.RunUntilAsked());
        }

        Assert.InRange(watched[LeaveReason.Safepoint], 1, 2);
    }

    [Fact]
    public void A_return_to_a_place_not_seen_before_is_an_indirect_branch_not_found()
    {
        using Watched watched = Run(static c =>
        {
            c.mov(ebx, (int)(Rig.Code + 0x800));
            c.jmp(ebx);
        });
        Assert.Equal(ExitReason.Fault, watched.Exit);
        Assert.Equal(1, watched[LeaveReason.IndirectNotFound]);
    }

    [Fact]
    public void Code_that_overwrites_itself_leaves_and_every_exit_is_heard_with_its_place()
    {
        var heard = new List<(uint Region, LeaveReason Reason, uint Eip)>();
        using Watched watched = Run(
            static c =>
            {
                c.mov(ecx, __dword_ptr[Data]);
                c.mov(__dword_ptr[Rig.Code + 0x40], 0);
            },
            (region, reason, eip) => heard.Add((region, reason, eip)));
        Assert.Contains(heard, static h => h is { Region: Rig.Code, Reason: LeaveReason.Miss, Eip: Rig.Code });
        Assert.Equal(watched.Total, heard.Count);
    }

    [Fact]
    public void The_tier_is_translated_inside_and_switcher_outside()
    {
        using Watched watched = Run(static c => c.nop());
        Assert.Equal(ExecutionTier.Switcher, watched.Rig.Cpu->Tier);
        watched.Load(static c =>
        {
            Label again = c.CreateLabel();
            c.Label(ref again);
            c.inc(eax);
            c.jmp(again);
        });

        // It is compiled before anybody looks, however long that takes here.
        Assert.Equal(ExitReason.Budget, watched.Rig.Run(1000));
        (_, ExecutionTier seen) = watched.RunUntilAsked();
        Assert.Equal((ExecutionTier.Translated, ExecutionTier.Switcher), (seen, watched.Rig.Cpu->Tier));
    }

    [Fact]
    public void Watched_regions_go_with_their_code()
    {
        using Watched watched = Run(static c => c.mov(eax, 1));
        var engine = (TieredEngine)watched.Rig.Engine;
        int before = engine.Regions.Count;
        watched.Rig.Write(Rig.Code + 1, [2]);
        Assert.Equal(before - 1, engine.Regions.Count);
        watched.Again();
        Assert.Equal(2u, watched.Rig.Cpu->Gpr[Reg.Eax]);
        Assert.Equal(before, engine.Regions.Count);
    }

    private static Watched Run(Action<Assembler> write, LeaveHook? hook = null, long budget = 1000)
    {
        var watched = new Watched(hook);
        watched.Load(write);
        watched.Exit = watched.Rig.Run(budget);
        return watched;
    }

    private sealed class Watched : IDisposable
    {
        private readonly RegionWatch _watch;

        public Watched(LeaveHook? hook)
        {
            _watch = new RegionWatch(hook);
            Rig = new Rig(machine => new TieredEngine(machine, threshold: 0, probes: new EngineProbes { Watch = _watch }));
        }

        public Rig Rig { get; }

        public ExitReason Exit { get; set; }

        public long Total => _watch.Counts.ToArray().Sum();

        public long this[LeaveReason reason] => _watch.Counts[(int)reason];

        /// <summary>Puts code where it begins, with an undefined instruction behind it to end the run.</summary>
        public void Load(Action<Assembler> write)
        {
            var assembler = new Assembler(32);
            write(assembler);
            assembler.ud2();
            using var code = new MemoryStream();
            assembler.Assemble(new StreamCodeWriter(code), Rig.Code);
            Rig.Write(Rig.Code, code.ToArray());
            Rig.Write(Rig.Code + 0x800, [0x0F, 0x0B]);
            Rig.Begin(Rig.Code);
        }

        public void Again()
        {
            Rig.Begin(Rig.Code);
            Exit = Rig.Run(1000);
        }

        /// <summary>
        /// Runs what loops until somebody asks for attention, who does so once translated code is seen to run: by a clock, a busy Host might
        /// not have begun by then.
        /// </summary>
        /// <returns>The exit, and the tier that was seen last.</returns>
        public (ExitReason Exit, ExecutionTier Seen) RunUntilAsked()
        {
            var seen = ExecutionTier.Switcher;
            Rig.Cpu->Attention = 0;
            var asker = new Thread(() =>
            {
                Patience.Until(() => (seen = (ExecutionTier)Volatile.Read(ref *(int*)&Rig.Cpu->Tier)) == ExecutionTier.Translated);
                Volatile.Write(ref Rig.Cpu->Attention, 1);
            });
            asker.Start();
            Exit = Rig.Run(long.MaxValue);
            asker.Join();
            return (Exit, seen);
        }

        public void Dispose() => Rig.Dispose();
    }
}
