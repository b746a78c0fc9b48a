using System.Buffers.Binary;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Switcher;

/// <summary>
/// do_async_hcalls (drivers/lguest/hypercalls.c): calls that the Guest queued in <c>lguest_data</c> to save itself the trip.
/// They wait for the next synchronous call, and for nothing else: an interrupt or a fault does not look here.
/// </summary>
internal sealed class AsyncRing(GuestContext context)
{
    /// <summary>LHCALL_RING_SIZE.</summary>
    public const int Size = 64;

    /// <summary>hcall_status: the slot is free, or done.</summary>
    public const byte Done = 0xFF;

    /// <summary>next_hcall: where we go on. Ours alone; it never goes back.</summary>
    private int _next;

    public void ExchangeState(StateArchive archive) => archive.Field(ref _next);

    /// <summary>
    /// Executes what is queued, in order, once round at most. Which slots are queued is read once, at the start: calls that
    /// appear while we work wait for the next time.
    /// </summary>
    /// <param name="execute">do_hcall.</param>
    public void DoAsyncHcalls(Action<HcallArgs> execute)
    {
        GuestRam ram = context.Machine.Ram;
        LguestData data = context.Data;
        if (ram.View(data.Address + LguestData.HcallStatus + (uint)_next, 1) is [Done])
        {
            // As nearly always.
            return;
        }

        Execute(execute, ram, data);
    }

    private void Execute(Action<HcallArgs> execute, GuestRam ram, LguestData data)
    {
        Span<byte> status = stackalloc byte[Size];
        Span<byte> slot = stackalloc byte[HcallArgs.Size];
        ReadOnlySpan<byte> done = [Done];
        if (!ram.TryRead(data.Address + LguestData.HcallStatus, status))
        {
            return;
        }

        for (int i = 0; i < Size && context.IsAlive; i++)
        {
            int n = _next;
            if (status[n] == Done)
            {
                return;
            }

            _next = (n + 1) % Size;
            if (!ram.TryRead(data.Address + LguestData.Hcalls + (uint)(n * HcallArgs.Size), slot))
            {
                context.Kill("Fetching async hypercalls");
                return;
            }

            var args = new HcallArgs(Word(slot, 0), Word(slot, 1), Word(slot, 2), Word(slot, 3), Word(slot, 4));
            context.Statistics.CountHypercall(args.Arg0, queued: true);
            execute(args);
            if (!ram.TryWrite(data.Address + LguestData.HcallStatus + (uint)n, done))
            {
                context.Kill("Writing result for async hypercall");
                return;
            }
        }
    }

    private static uint Word(ReadOnlySpan<byte> slot, int index) => BinaryPrimitives.ReadUInt32LittleEndian(slot[(4 * index)..]);
}
