using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>A disk as the Guest has it.</summary>
/// <param name="number">0 is /dev/vda.</param>
/// <param name="store">What it is kept in.</param>
/// <param name="log">Hears what goes wrong on the Host.</param>
internal sealed class Disk(int number, DiskStore store, TextWriter log)
{
    /// <summary>A disk that fails does so at every request: after a few the user knows.</summary>
    private const int MostComplaints = 5;

    private int _complaints;

    /// <summary>What Linux calls it, the first 26 at least.</summary>
    public string Name { get; } = number < 26 ? $"vd{(char)('a' + number)}" : $"vda{(char)('a' + number - 26)}";

    /// <summary>What it says that it is: the same in each run, since a Guest can see it.</summary>
    public string Id { get; } = $"lguest-disk-{number}";

    public DiskStore Store { get; } = store;

    /// <summary>The Guest is told of an I/O error; the user is told why. Any thread.</summary>
    public void Complain(BlockRequestType type, ulong sector, int error)
    {
        int said = Interlocked.Increment(ref _complaints);
        if (said <= MostComplaints)
        {
            string where = type == BlockRequestType.Flush ? "" : $" at sector {sector}";
            log.WriteLine($"lguest-jit: disk {Name}: {type.ToString().ToLowerInvariant()}{where}: {HostError.Describe(error)}{(said == MostComplaints ? "; no further errors are shown" : "")}");
        }
    }

    /// <summary>The Guest is gone: what it wrote is made safe, whether it asked for it or not.</summary>
    /// <returns>False: the Host could not; it has been said.</returns>
    public bool Settle()
    {
        int error = Store.IsReadOnly ? HostError.None : Store.Flush();
        if (error != HostError.None)
        {
            log.WriteLine($"lguest-jit: disk {Name}: flush: {HostError.Describe(error)}");
        }

        return error == HostError.None;
    }
}
