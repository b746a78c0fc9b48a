using Iced.Intel;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>
/// What delivery without the Switcher must not forget. Each scene is warm (its system calls are being delivered directly) when the rule
/// comes into play, and is played with the Switcher alone as well: everything that the Guest can see has to be the same.
/// </summary>
public sealed class DirectTrapTests
{
    /// <summary>mov edi, then the int of the loop, and where that returns to.</summary>
    private const uint FirstReturn = AssembledGuest.UserCode + 7;

    [Theory]
    [InlineData(0xEF00u, 0x202u)]
    [InlineData(0xEE00u, 0u)]
    public void A_warm_system_call_pushes_the_frame_that_the_switcher_pushes(uint gate, uint inside)
    {
        (List<uint[]> records, string end) = new TrapScene { SyscallFlags = gate, User = static _ => { } }.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(3, records.Count);
        uint[] last = records[^1];
        Assert.Equal(FirstReturn, last[Eip]);
        Assert.Equal(0x73u, last[Cs]);
        Assert.Equal(0x200u, last[Flags] & 0x200);
        Assert.Equal(AssembledGuest.UserStack, last[OldEsp]);
        Assert.Equal(0x7Bu, last[OldSs]);
        Assert.Equal(AssembledGuest.TrapStack - 20, last[Esp]);
        Assert.Equal(inside, last[IrqEnabled]);
    }

    [Fact]
    public void A_single_stepped_system_call_is_the_switchers()
    {
        var scene = new TrapScene
        {
            Gates = { [1] = 0x8E00 },
            User = static c =>
            {
                c.pushfd();
                c.or(__dword_ptr[esp], 0x100);
                c.popfd();
                c.nop();
                c.@int(0x80);
                c.nop();
                c.pushfd();
                c.and(__dword_ptr[esp], 0xFFFFFEFF);
                c.popfd();
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(0x100u, records.First(static r => r[Vector] == 1)[Flags] & 0x100);
        Assert.True(records.Count(static r => r[Vector] == 1) >= 5);
        Assert.Equal(5, records.Count(static r => r[Vector] == 0x80));
    }

    [Fact]
    public void Traps_nest_on_the_kernels_own_stack()
    {
        var scene = new TrapScene
        {
            Gates = { [3] = 0xEF00, [6] = 0xEE00 },
            OnSyscall = static c =>
            {
                c.int3();
                c.@int(6);
                c.int3();
            },
            User = static c => c.@int(0x80),
            ExitsSaved = 10,
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal([0x80u, 3, 6, 3], records[^4..].Select(static r => r[Vector]));
        Assert.All(records[^3..], static r => Assert.Equal(0x61u, r[Cs]));
        Assert.All(records[^3..], r => Assert.Equal(AssembledGuest.TrapStack - 20 - 32 - 12, r[Esp]));
        Assert.Equal(0u, records[^1][Flags] & 0x200);
    }

    [Fact]
    public void What_the_user_has_in_its_flags_comes_back_and_does_not_reach_the_kernel()
    {
        var scene = new TrapScene
        {
            User = static c =>
            {
                // ID, AC, NT, DF and all six arithmetic flags.
                foreach (uint image in new uint[] { 0x200CD7, 0x200000, 0x040000, 0x004000, 0x000400, 0x0008D5 })
                {
                    c.push(image | 2);
                    c.popfd();
                    c.@int(0x80);
                    c.pushfd();
                    c.pop(ebx);
                    c.@int(0x80);
                    c.push(2);
                    c.popfd();
                }
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(15, records.Count);
        Assert.Equal(0x200ED7u, records[3][Flags]);
    }

    [Fact]
    public void Who_watches_deliveries_sees_all_of_them()
    {
        using var guest = new AssembledGuest();
        var seen = new TrapList();
        guest.Guest.TrapObserver = seen;
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(3, 0xEF00);
            c.mov(ecx, 5);
            Label again = c.CreateLabel();
            c.Label(ref again);
            c.int3();
            c.dec(ecx);
            c.jne(again);
            c.ShutDown();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(3), static c => c.iretd());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(5, seen.Vectors.Count);
    }

    private sealed class TrapList : ITrapObserver
    {
        public List<int> Vectors { get; } = [];

        public void Delivered(in TrapRecord trap) => Vectors.Add(trap.Vector);
    }
}
