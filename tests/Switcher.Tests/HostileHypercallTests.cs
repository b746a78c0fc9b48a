using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

/// <summary>Wild pointers and nonsense to every hypercall: the Guest may die, the Host may not.</summary>
public sealed unsafe class HostileHypercallTests
{
    private const int MostPerGuest = 2000;

    [Fact]
    public void Random_hypercalls_end_in_a_kill_or_in_nothing()
    {
        int calls = Soak.Count(20_000, 100_000);
        var random = new Random(20170903);
        var reasons = new HashSet<string>();
        int made = 0;
        while (made < calls)
        {
            using var rig = new Rig();
            _ = rig.WithData();
            if (random.Next(20) != 0)
            {
                _ = rig.Initialised();
                _ = random.Next(2) == 0 ? rig.TurnPagingOn() : rig;
            }

            made += MakeCalls(rig, random, Math.Min(MostPerGuest, calls - made));
            if (rig.Machine.KillReason is { } reason)
            {
                _ = reasons.Add(string.Concat(reason.TakeWhile(static c => !char.IsDigit(c))));
            }
        }

        // The nonsense was wild enough to reach every kind of death.
        Assert.True(reasons.Count >= (Soak.IsOn ? 14 : 12), string.Join('\n', reasons));
    }

    private static int MakeCalls(Rig rig, Random random, int most)
    {
        for (int made = 1; made <= most; made++)
        {
            uint number = random.Next(40) == 0 ? Word(random) : (uint)random.Next(0, 20);
            if (number is HypercallNumbers.LguestInit or HypercallNumbers.SetPmd or 3 or 11 or 12 or 17 && random.Next(10) != 0)
            {
                // The surest ways to die; leave something for the others.
                number = HypercallNumbers.SetPte;
            }

            if (rig.Context.Data.Initialised && random.Next(8) == 0)
            {
                rig.Queue(random.Next(AsyncRing.Size), number, Word(random), Word(random), Word(random), Word(random));
            }

            rig.Call(number, Word(random), Word(random), Word(random), Word(random));
            Provoke(rig, random);
            if (!rig.Context.IsAlive)
            {
                return made;
            }
        }

        return most;
    }

    /// <summary>And what the calls have set up is used: gates, stacks, segments.</summary>
    private static void Provoke(Rig rig, Random random)
    {
        rig.Cpu->Halted = 0;
        rig.Cpu->Cpl = random.Next(2) == 0 ? 1u : 3u;
        rig.IrqEnabled = (uint)random.Next(2) << 9;
        if (random.Next(4) == 0)
        {
            rig.Interrupts.SetInterrupt(random.Next(32));
            rig.Interrupts.ConsiderInterrupts();
        }

        if (rig.Context.IsAlive && random.Next(4) == 0)
        {
            int vector = random.Next(256);
            if (rig.Interrupts.MayInterrupt(vector))
            {
                _ = rig.Interrupts.DeliverTrap(vector, Word(random));
            }
        }
    }

    private static uint Word(Random random) => random.Next(8) switch
    {
        0 => (uint)random.NextInt64(1L << 32),
        1 => (uint)random.Next((int)Rig.RamSize),
        2 => Rig.RamSize - (uint)random.Next(0x600),
        3 => uint.MaxValue - (uint)random.Next(0x500000),
        4 => random.Next(2) == 0 ? Rig.PageDirectory : Rig.DataAt,
        5 => 0x61 | ((uint)random.Next(32) << 3),
        6 => 0x00008E00 | ((uint)random.NextInt64(1L << 32) & 0xFFFF6100),
        _ => (uint)random.Next(0x420),
    };
}
