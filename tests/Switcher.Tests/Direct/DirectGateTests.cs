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
}
