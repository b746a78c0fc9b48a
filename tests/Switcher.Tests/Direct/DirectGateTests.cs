using Iced.Intel;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>Which gates may be used without the Switcher, and by whom: what the IDT says counts at once.</summary>
public sealed class DirectGateTests
{
    [Theory]
    [InlineData(0x6E00u)]
    [InlineData(0x8E00u)]
    [InlineData(0xCE00u)]
    public void A_gate_that_goes_away_or_loses_its_privilege_is_a_fault_at_once(uint flags)
    {
        var scene = new TrapScene
        {
            OnControl = c => c.LoadGate(TrapScene.Syscall, flags),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
            },
            Gates = { [GeneralProtection] = 0x8E00 },
            Endings = { [GeneralProtection] = static c => c.ShutDown() },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(4, records.Count);
        Assert.Equal(GeneralProtection, records[^1][Vector]);
        Assert.Equal(0x402u, records[^1][0]);
    }

    [Fact]
    public void An_idt_entry_changed_between_two_calls_of_the_same_block_counts_at_once()
    {
        const uint OtherHandler = AssembledGuest.Handlers + 0x100 * TrapScene.Other;
        var scene = new TrapScene
        {
            OnControl = static c =>
                c.Hypercall(HypercallNumbers.LoadIdtEntry, TrapScene.Syscall, OtherHandler & 0xFFFF, (OtherHandler & 0xFFFF0000) | 0xEF00),
            User = static c =>
            {
                Label again = c.CreateLabel();
                Label behind = c.CreateLabel();
                c.mov(edi, 6);
                c.Label(ref again);
                c.@int(0x80);
                c.cmp(edi, 4);
                c.jne(behind);
                c.@int((byte)TrapScene.Control);
                c.Label(ref behind);
                c.dec(edi);
                c.jne(again);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal([0x80u, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x81, 0x81], records.Select(static r => r[Vector]));
        Assert.Equal(0x202u, records[^1][IrqEnabled] | 0x2);
    }

    [Theory]
    [InlineData(0x40u)]
    [InlineData(0x80u)]
    public void The_second_system_call_vector_is_direct_only_if_it_was_asked_for(uint vector)
    {
        var scene = new TrapScene
        {
            SyscallVector = vector,
            Gates = { [GeneralProtection] = 0x8E00, [0x41] = 0xEE00 },
            Endings = { [GeneralProtection] = static c => c.ShutDown() },
            User = static c => c.@int(0x41),
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal([vector, vector, vector, GeneralProtection], records.Select(static r => r[Vector]));
        Assert.Equal((0x41u << 3) | 2, records[^1][0]);
    }

    /// <summary>INTO asks the gate like any other; a debugger's INT3 as well.</summary>
    [Theory]
    [InlineData(3u, 0x8E00u, false)]
    [InlineData(3u, 0xCF00u, false)]
    [InlineData(4u, 0x8E00u, false)]
    [InlineData(4u, 0xCF00u, false)]
    [InlineData(3u, 0xEE00u, true)]
    [InlineData(4u, 0xEF00u, true)]
    public void The_short_ones_need_the_privilege_too(uint vector, uint flags, bool allowed)
    {
        var scene = new TrapScene
        {
            Gates = { [vector] = flags, [GeneralProtection] = 0x8E00 },
            Endings =
            {
                [GeneralProtection] = static c =>
                {
                    c.add(esp, 4);
                    c.inc(__dword_ptr[esp]);
                },
            },
            User = c =>
            {
                for (int i = 0; i < 3; i++)
                {
                    c.mov(eax, 0x7FFFFFFF);
                    c.inc(eax);
                    if (vector == 3)
                    {
                        c.int3();
                    }
                    else
                    {
                        c.into();
                    }
                }
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(6, records.Count);
        Assert.All(records[3..], r => Assert.Equal(allowed ? vector : GeneralProtection, r[Vector]));
        Assert.All(records[3..], r => Assert.True(allowed || r[0] == ((vector << 3) | 2)));
    }

    /// <summary>A fault whose gate has gone, or has never been there, has no handler at address 0 or where that was.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_fault_without_a_gate_kills(bool was)
    {
        var scene = new TrapScene
        {
            Gates = { [InvalidOpcode] = was ? 0x8E00u : 0x0E00u },
            Endings = { [InvalidOpcode] = static c => c.add(__dword_ptr[esp], 2) },
            OnControl = static c => c.LoadGate(InvalidOpcode, 0x0E00),
            User = c =>
            {
                if (was)
                {
                    c.ud2();
                }

                c.@int((byte)TrapScene.Control);
                c.ud2();
            },
            Extra = static guest => _ = guest.Place(0, static c => c.ShutDown()),
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal(was ? 4 : 3, records.Count);
        Assert.StartsWith("unhandled trap 6", end, StringComparison.Ordinal);
    }
}
