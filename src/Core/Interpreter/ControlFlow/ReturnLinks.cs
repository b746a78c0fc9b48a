using System.Runtime.InteropServices;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

/// <summary>
/// What translated code remembers of its calls: for each place on the Guest's stack, as far as the low bits of ESP tell them apart, the link to the block behind the
/// call whose return address was pushed there last. A return looks at the place that it pops from. Nothing has to be kept in step: a Guest that switches
/// stacks, unwinds, or calls in the interpreter finds a link to another address than it has popped, and asks the jump cache.
/// </summary>
/// <remarks>
/// Links belong to regions and are freed with them, so before any region is freed, and whenever a state of the CPU comes back from elsewhere, all places are cleared.
/// A link that is found may be stale as any other: its page entry is compared, and the head that it leads to knows whether its block is still valid.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ReturnLinks
{
    /// <summary>Bits of ESP that choose a place, which is twice as large as an item of the stack.</summary>
    public const uint PlaceMask = 0x3FC;

    private const int Count = (int)(PlaceMask / 4) + 1;

    private fixed ulong _links[Count];

    /// <summary>What stands in a place that no call has used.</summary>
    private BlockLink _none;

    /// <summary>Forgets all calls. <paramref name="cpu"/> is unmanaged and never moves.</summary>
    public static void Clear(GuestCpu* cpu)
    {
        ReturnLinks* returns = &cpu->Returns;

        // No mode is that.
        returns->_none.Owner = uint.MaxValue;
        new Span<ulong>(returns->_links, Count).Fill((ulong)&returns->_none);
    }
}
