using Iced.Intel;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>Where the frame of a trap goes: the stack that SET_STACK named, its pages and its segment, as they are now.</summary>
public sealed class DirectStackTests
{
    [Theory]
    [InlineData(0u)]
    [InlineData(5u)]
    public void A_stack_page_that_is_gone_or_read_only_kills(uint rights)
    {
        const uint Page = (AssembledGuest.TrapStack - 4) & ~0xFFFu;
        var scene = new TrapScene
        {
            // Already on another stack when the page changes, or the kernel would fall with it.
            OnControl = c =>
            {
                c.mov(ebp, esp);
                c.mov(esp, AssembledGuest.Stack);
                c.mov(__dword_ptr[GuestCode.Pte(Page)], rights == 0 ? 0 : Page | rights);
                c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Page, 0);
                if (rights != 0)
                {
                    // Readable, and known to be: that is not enough.
                    c.mov(eax, __dword_ptr[Page]);
                }

                c.push(0x7B);
                c.push(AssembledGuest.UserStack);
                c.push(0x202);
                c.push(0x73);
                c.push(AssembledGuest.UserCode + 5);
                c.iretd();
            },
            User = static c => c.@int((byte)TrapScene.Control),
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal(3, records.Count);
        Assert.StartsWith("Bad address", end, StringComparison.Ordinal);
    }

    /// <summary>Nested, on the stack in use: readable, and known to be, is not enough there either.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_kernel_stack_page_that_has_become_read_only_kills(bool fault)
    {
        const uint Page = 0x00260000;
        var scene = new TrapScene
        {
            Gates = { [InvalidOpcode] = 0xEE00 },
            OnControl = c =>
            {
                c.mov(__dword_ptr[GuestCode.Pte(Page)], Page | 1);
                c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Page, 0);
                c.mov(esp, Page + 0x800);
                c.mov(eax, __dword_ptr[esp - 4]);
                if (fault)
                {
                    c.ud2();
                }
                else
                {
                    c.@int((byte)InvalidOpcode);
                }
            },
            User = static c => c.@int((byte)TrapScene.Control),
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal(3, records.Count);
        Assert.StartsWith("Bad address", end, StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_may_cross_into_a_page_that_lies_elsewhere()
    {
        // The page below the stack's is made to lie in another frame than the one before it.
        const uint Boundary = AssembledGuest.TrapStack - 0x1000;
        const uint Elsewhere = 0x00250000;
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.mov(__dword_ptr[GuestCode.Pte(Boundary - 0x1000)], Elsewhere | 3);
                c.Hypercall(HypercallNumbers.SetPte, AssembledGuest.PageDirectory, Boundary - 0x1000, 0);
                c.Hypercall(HypercallNumbers.SetStack, 0x69, Boundary + 12, 1);
            },
            User = static c =>
            {
                // The stack pointer differs each time, so a word of an older frame would show.
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
                c.push(1);
                c.@int(0x80);
                c.push(2);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(6, records.Count);
        Assert.Equal([0u, 4, 8], records[3..].Select(static r => AssembledGuest.UserStack - r[OldEsp]));
        Assert.Equal(Boundary + 12 - 20, records[^1][Esp]);
        Assert.Equal(0x73u, records[^1][Cs]);
        Assert.Equal(0x7Bu, records[^1][OldSs]);
    }

    [Fact]
    public void Set_stack_counts_at_once_with_both_its_halves()
    {
        const uint Elsewhere = AssembledGuest.TrapStack - 0x400;
        const int Calls = 20;
        var scene = new TrapScene
        {
            OnControl = static c =>
            {
                c.Hypercall(HypercallNumbers.LoadGdtEntry, 20, 0xFFFF, 0x00CFB300);
                c.Hypercall(HypercallNumbers.SetStack, 0xA1, Elsewhere, 1);
            },
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                for (int i = 0; i < Calls; i++)
                {
                    c.@int(0x80);
                }
            },

            // The same descriptor by another selector: looked at once, and then direct again.
            ExitsSaved = Calls,
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(Elsewhere - 20, records[^1][Esp]);
        Assert.Equal(0xA1u, records[^1][Ss]);
        Assert.Equal(records[^1][Esp], records[^2][Esp]);
    }

    /// <summary>The descriptor is what counts, not the selector: code that has become data, or is gone; a stack that has become read-only, or the user's.</summary>
    [Theory]
    [InlineData(12u, 0x00CFB300u)]
    [InlineData(12u, 0x00CF3B00u)]
    [InlineData(13u, 0x00CFB100u)]
    [InlineData(13u, 0x00CFBB00u)]
    [InlineData(13u, 0x00CF3300u)]
    [InlineData(13u, 0x00CFF300u)]
    public void A_kernel_segment_whose_descriptor_has_gone_bad_is_not_entered(uint entry, uint high)
    {
        TrapScene Scene(Action<Assembler> trap) => new()
        {
            Gates = { [InvalidOpcode] = 0x8E00 },
            Endings = { [InvalidOpcode] = static c => c.add(__dword_ptr[esp], 2) },
            OnControl = c => c.Hypercall(HypercallNumbers.LoadGdtEntry, entry, 0xFFFF, high),
            User = c =>
            {
                c.ud2();
                c.@int((byte)TrapScene.Control);
                trap(c);
            },
        };
        AssertNotEntered(Scene);
    }

    /// <summary>Nothing is known of it, and nothing is what the table says: that does not make them agree. Null, in the LDT, behind the table's end.</summary>
    [Theory]
    [InlineData(0xE1u)]
    [InlineData(0x01u)]
    [InlineData(0x6Du)]
    [InlineData(0x169u)]
    public void A_kernel_stack_without_a_descriptor_kills(uint selector)
    {
        TrapScene Scene(Action<Assembler> trap) => new()
        {
            Gates = { [InvalidOpcode] = 0x8E00 },
            Endings = { [InvalidOpcode] = static c => c.add(__dword_ptr[esp], 2) },
            OnControl = c =>
            {
                c.Hypercall(HypercallNumbers.SetStack, selector, AssembledGuest.TrapStack, 1);

                // A fault in the kernel needs no other stack, but looks at what the next one would need.
                c.ud2();
            },
            User = c =>
            {
                c.@int((byte)TrapScene.Control);
                trap(c);
            },
        };
        AssertNotEntered(Scene);
    }

    /// <summary>The available bit is nothing to us, but the descriptor is another one, and has to be looked at once more before it is used.</summary>
    [Theory]
    [InlineData(12u, 0x00DFBB00u)]
    [InlineData(13u, 0x00DFB300u)]
    public void A_kernel_segment_whose_descriptor_has_changed_for_as_good_a_one_is_entered_directly_again(uint entry, uint high)
    {
        const int Calls = 20;
        (List<uint[]> records, string end) = new TrapScene
        {
            OnControl = c => c.Hypercall(HypercallNumbers.LoadGdtEntry, entry, 0xFFFF, high),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                for (int i = 0; i < Calls; i++)
                {
                    c.@int(0x80);
                }
            },
            ExitsSaved = Calls,
        }.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(3 + Calls, records.Count);
    }

    /// <summary>The trap that a scene ends with finds no kernel to go to, whether it is a system call or a fault.</summary>
    private static void AssertNotEntered(Func<Action<Assembler>, TrapScene> scene)
    {
        (List<uint[]> records, string end) = scene(static c => c.@int(0x80)).Play();
        Assert.Equal(4, records.Count);
        Assert.StartsWith("unhandled trap 128", end, StringComparison.Ordinal);

        // A fault is delivered in one go, from looking at the descriptors to the handler.
        (records, end) = scene(static c => c.ud2()).Play();
        Assert.Equal(4, records.Count);
        Assert.StartsWith("unhandled trap 6", end, StringComparison.Ordinal);
    }
}
