using System.Security.Cryptography;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// The disks of a session: opened before the first life of its Guest, kept over its restarts, closed at the end. In deterministic time the files
/// are only read, and each Guest writes to overlays of its own.
/// </summary>
internal sealed class DiskSet : IDisposable
{
    private readonly List<Disk> _disks = [];
    private readonly IReadOnlyList<DiskSpec> _specs;
    private bool _disposed;

    private DiskSet(IReadOnlyList<DiskSpec> specs) => _specs = specs;

    /// <summary>A set without disks.</summary>
    public static DiskSet None() => new([]);

    /// <summary>Opens them all.</summary>
    /// <param name="specs">What was asked for, /dev/vda first.</param>
    /// <param name="log">Hears what goes wrong later.</param>
    /// <param name="shared">They are to be the bottom of overlays: nobody writes.</param>
    /// <exception cref="LoadException">One of them cannot be opened; which and why is said.</exception>
    public static DiskSet Open(IReadOnlyList<DiskSpec> specs, TextWriter log, bool shared)
    {
        var disks = new DiskSet(specs);
        try
        {
            foreach (DiskSpec spec in specs)
            {
                bool readOnly = spec.ReadOnly || spec.Snapshot || shared;
                DiskStore store = NbdUri.IsOne(spec.Place) ? NbdDisk.Open(spec.Place, readOnly) : FileDisk.Open(spec.Place, readOnly);
                disks._disks.Add(new Disk(disks._disks.Count, spec.Snapshot && !shared ? Over(store) : store, log));
            }

            return disks;
        }
        catch
        {
            disks.Dispose();
            throw;
        }
    }

    /// <summary>Overlays for one Guest in deterministic time. To be disposed of before this set.</summary>
    /// <param name="log">Hears what goes wrong.</param>
    /// <exception cref="LoadException">No room for what will be written.</exception>
    public DiskSet Private(TextWriter log)
    {
        var disks = new DiskSet(_specs);
        try
        {
            foreach (Disk disk in _disks)
            {
                var overlay = new OverlayDisk(disk.Store, ownsBase: false, _specs[disks._disks.Count].ReadOnly);
                disks._disks.Add(new Disk(disks._disks.Count, overlay, log));
                overlay.KeepUndo();
            }

            return disks;
        }
        catch
        {
            disks.Dispose();
            throw;
        }
    }

    /// <summary>Puts them into a machine, one slot after the other.</summary>
    public void Plug(MachineDevices devices)
    {
        foreach (Disk disk in _disks)
        {
            devices.Plug(new VirtioBlock(disk, devices.Machine.Ram, devices.Log), BlockDevice.VirtioId, BlockDevice.PciClass);
        }
    }

    /// <summary>As <see cref="Plug"/>, into a machine in deterministic time. For a set from <see cref="Private"/>.</summary>
    public void PlugDeterministic(MachineDevices devices)
    {
        foreach (Disk disk in _disks)
        {
            devices.Plug(new DeterministicBlock(disk, (OverlayDisk)disk.Store, devices.Machine, devices.Log), BlockDevice.VirtioId, BlockDevice.PciClass);
        }
    }

    /// <summary>What was written is made safe.</summary>
    /// <returns>False: not all of it was; it has been said.</returns>
    public bool Settle()
    {
        bool settled = true;
        foreach (Disk disk in _disks)
        {
            settled &= disk.Settle();
        }

        return settled;
    }

    /// <summary>Nobody wants to wait for a server any longer.</summary>
    public void Abort() => _disks.ForEach(static disk => disk.Store.Abort());

    /// <summary>SHA-256 of all that is on them, one after the other; empty if there are none.</summary>
    /// <exception cref="LoadException">One cannot be read.</exception>
    public unsafe string Hash()
    {
        if (_disks.Count == 0)
        {
            return "";
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        foreach (DiskStore store in _disks.Select(static disk => disk.Store))
        {
            for (ulong offset = 0; offset < store.Size;)
            {
                int part = (int)Math.Min(store.Size - offset, (ulong)buffer.Length);
                fixed (byte* first = buffer)
                {
                    if (store.Read(offset, [new HostPiece((nint)first, (nuint)part)]) is not HostError.None and int error)
                    {
                        throw new LoadException($"disk: {HostError.Describe(error)}");
                    }
                }

                hash.AppendData(buffer, 0, part);
                offset += (ulong)part;
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _disks.ForEach(static disk => disk.Store.Dispose());
        }
    }

    private static OverlayDisk Over(DiskStore store)
    {
        try
        {
            return new OverlayDisk(store, ownsBase: true);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }
}
